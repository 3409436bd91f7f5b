package simulator

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Kind is what goes wrong.
type Kind string

// What comes instead of doing what was asked.
const (
	// Status answers with [Fault.Status] and a JSON error. A 429 has no rate headers, as under platform load, unless
	// [Fault.Spent] is set.
	Status Kind = "status"
	// HTML answers with a page of HTML, as a gateway does.
	HTML Kind = "html"
	// Revoked answers 401 in plain text, as for a token that was revoked.
	Revoked Kind = "revoked"
	// Connect lets no connection come about: it fails after [Fault.Delay] with a timeout, or when the client gives up.
	// Only [Store.Client] can tell that from Hang; on a network the connection stands already, and nothing is answered.
	Connect Kind = "connect"
	// Hang does not answer until the client gives up or the store is healed.
	Hang Kind = "hang"
	// CloseBeforeCommit closes the connection.
	CloseBeforeCommit Kind = "closeBeforeCommit"
)

// What comes of the reply when what was asked has been done.
const (
	// CloseAfterCommit closes the connection without a reply.
	CloseAfterCommit Kind = "closeAfterCommit"
	// CommitLater closes the connection at once, and does what was asked after [Fault.Delay], as a request that a
	// gateway has kept: it shows in the log with its effects, and in what is looked at from then on.
	CommitLater Kind = "commitLater"
	// Late replies after [Fault.Delay].
	Late Kind = "late"
	// Dribble sends the reply [Fault.Size] bytes at a time, one by default, with [Fault.Delay] before each.
	Dribble Kind = "dribble"
	// Truncate closes the connection in the middle of the reply.
	Truncate Kind = "truncate"
	// Huge makes the reply at least [Fault.Size] bytes long, 100 MB by default, as valid JSON.
	Huge Kind = "huge"
	// InvalidUTF8 begins each text of the reply with bytes that are not UTF-8.
	InvalidUTF8 Kind = "invalidUTF8"
	// StringIDs makes text of each id in the reply.
	StringIDs Kind = "stringIDs"
	// Partial answers 207 with an error beside the data. It needs a write that answers 200.
	Partial Kind = "partial"
)

// What happens just before what was asked is done. The merchant's kinds are met by requests that write to a product: it
// is the first that the request names.
const (
	// Slow waits for [Fault.Delay].
	Slow Kind = "slow"
	// ProductDeleted is the merchant who deletes the product.
	ProductDeleted Kind = "productDeleted"
	// ProductRecreated is the merchant who deletes the product and makes it again, with the same SKUs and other ids.
	ProductRecreated Kind = "productRecreated"
	// NameTaken is the merchant who gives the name that the request writes to a product of his own.
	NameTaken Kind = "nameTaken"
	// QuotaChange changes the store's quota to [Fault.Quota] in windows of [Fault.Window]; once, unless Count is set.
	QuotaChange Kind = "quota"
)

// Fault makes matching requests go wrong: after the first Skip of them, Count of them if that is set, each with
// Probability if that is set, and until [Store.Heal] if nothing ends it before. It begins After it was added, and ends
// For a time later, or at Until. In JSON a duration is text such as "30s", or a number of nanoseconds.
type Fault struct {
	// Match is "METHOD PATTERN", such as "PUT /catalog/products" or "* /catalog/products/*": a method or "*", and a
	// pattern of path.Match for the path below /stores/{hash}/v3. Empty matches every request.
	Match string `json:"match"`
	Kind  Kind   `json:"kind"`
	// Status is needed by the kinds Status and HTML.
	Status int `json:"status,omitzero"`
	// Spent makes a 429 say that no quota is left.
	Spent bool `json:"spent,omitzero"`
	// Delay is needed by the kinds Slow, Late, CommitLater and Dribble.
	Delay time.Duration `json:"delay,omitzero"`
	Size  int           `json:"size,omitzero"` // for Dribble and Huge
	// Quota is needed by the kind QuotaChange; without a Window that stays as it is.
	Quota  int           `json:"quota,omitzero"`
	Window time.Duration `json:"window,omitzero"`

	Skip        int           `json:"skip,omitzero"`
	Count       int           `json:"count,omitzero"`
	Probability float64       `json:"probability,omitzero"`
	After       time.Duration `json:"after,omitzero"`
	For         time.Duration `json:"for,omitzero"`
	Until       time.Time     `json:"until,omitzero"`
}

// defaultHuge is the size of a reply that is too big.
const defaultHuge = 100 << 20

// UnmarshalJSON refuses fields that a fault does not have.
func (f *Fault) UnmarshalJSON(raw []byte) error {
	type plain Fault
	return standin.ReadObject(raw, (*plain)(f))
}

func (f Fault) validate() error {
	if err := checkMatch(f.Match); err != nil {
		return err
	}
	switch {
	case !slices.Contains(kinds(), f.Kind):
		return fmt.Errorf("kind %q is unknown: want one of %q", f.Kind, kinds())
	case (f.Kind == Status || f.Kind == HTML) && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d: want 400 to 599 for kind %q", f.Status, f.Kind)
	case (f.Kind == Slow || f.Kind == Late || f.Kind == CommitLater || f.Kind == Dribble) && f.Delay <= 0:
		return fmt.Errorf("delay %v: want one above 0 for kind %q", f.Delay, f.Kind)
	case f.Kind == QuotaChange && f.Quota < 1:
		return fmt.Errorf("quota %d: want 1 or more for kind %q", f.Quota, f.Kind)
	case !part(f.Probability):
		return fmt.Errorf("probability %v: want 0 to 1", f.Probability)
	case f.Delay < 0 || f.Size < 0 || f.Window < 0 || f.Skip < 0 || f.Count < 0 || f.After < 0 || f.For < 0:
		return errors.New("delay, size, window, skip, count, after and for cannot be negative")
	case f.For > 0 && !f.Until.IsZero():
		return errors.New("a fault ends by for or by until, not by both")
	}
	return nil
}

// kinds are all that there are.
func kinds() []Kind {
	return []Kind{Status, HTML, Revoked, Connect, Hang, CloseBeforeCommit, CloseAfterCommit, CommitLater, Late, Dribble, Truncate, Huge,
		InvalidUTF8, StringIDs, Partial, Slow, ProductDeleted, ProductRecreated, NameTaken, QuotaChange}
}

// checkMatch says what is wrong with a [Fault.Match].
func checkMatch(match string) error {
	if _, _, ok := strings.Cut(match, " "); !ok && match != "" {
		return fmt.Errorf("match %q: want METHOD PATTERN, such as PUT /catalog/products", match)
	}
	if _, err := path.Match(match, ""); err != nil {
		return fmt.Errorf("match %q: %w", match, err)
	}
	return nil
}

// matches says whether a request is one of a [Fault.Match].
func matches(match, method, below string) bool {
	if match == "" {
		return true
	}
	wantMethod, pattern, _ := strings.Cut(match, " ")
	ok, _ := path.Match(pattern, below)
	return ok && (wantMethod == "*" || strings.EqualFold(wantMethod, method))
}
