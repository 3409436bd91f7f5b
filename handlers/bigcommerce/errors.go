package bigcommerce

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Verdict says what a failed call means for the one who made it.
type Verdict int

const (
	// Permanent: the same call will fail again. What it asks for must change, or the product is refused.
	Permanent Verdict = iota
	// Retry: nothing was changed, and the same call may succeed. The caller chooses the pace.
	Retry
	// NotBefore: nothing was changed, and the same call may succeed, but not before [Error.NotBefore].
	NotBefore
	// Ambiguous: a write may have been applied. An update may be sent again, because it carries full state; before a
	// creation is sent again the caller must look whether it happened.
	Ambiguous
)

// String returns the verdict as one lower-case word or two.
func (v Verdict) String() string {
	switch v {
	case Permanent:
		return "permanent"
	case Retry:
		return "retry"
	case NotBefore:
		return "not before"
	case Ambiguous:
		return "ambiguous"
	}
	return fmt.Sprintf("verdict %d", int(v))
}

// Error is the one error type of this package: every method of [Client] that fails returns one.
type Error struct {
	Op     string // what was asked, in words: "update products"
	Method string
	Path   string // below the store, such as /catalog/products
	IDs    []int64

	Status    int    // HTTP status; 0 when no reply was read
	Title     string // what BigCommerce said, bounded, for people; decide by Status and Fields
	Code      int    // BigCommerce's own code, 0 when it gave none
	Fields    map[string]string
	Batch     []BatchError // only from UpdateVariants
	RequestID string

	Verdict Verdict
	// NotBefore is the earliest time at which trying again makes sense; zero when BigCommerce gave none.
	NotBefore time.Time
	// Unauthorized: the token was refused. No product is at fault, and an operator must act.
	Unauthorized bool
	// Cause is the transport's or decoder's error, if there was one.
	Cause error
}

// BatchError is one row's failure in a batch. BigCommerce does not say which row; its fields may.
type BatchError struct {
	Status int
	Title  string
	Fields map[string]string
}

// Error says what was asked, what BigCommerce answered, and for a refused token what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "bigcommerce: %s", e.Op)
	switch len(e.IDs) {
	case 0:
	case 1:
		fmt.Fprintf(&b, " %d", e.IDs[0])
	default:
		fmt.Fprintf(&b, " (%d ids from %d)", len(e.IDs), e.IDs[0])
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Title != "" {
		fmt.Fprintf(&b, ": %s", e.Title)
	}
	for _, k := range slices.Sorted(maps.Keys(e.Fields)) {
		if e.Fields[k] != e.Title {
			fmt.Fprintf(&b, "; %s: %s", k, e.Fields[k])
		}
	}
	for _, row := range e.Batch {
		fmt.Fprintf(&b, "; %s", row.Title)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	if e.Unauthorized {
		b.WriteString("; the token was refused: check that it belongs to this store, is not revoked, and may change products and inventory")
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Unwrap returns the cause, so that errors.Is(err, context.Canceled) works.
func (e *Error) Unwrap() error { return e.Cause }

// VerdictOf returns the verdict of an error of this package, and [Permanent] for any other error.
func VerdictOf(err error) Verdict {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Verdict
	}
	return Permanent
}

// IsPartial says that the rows were saved but a secondary part of them, such as stock or a URL, was not (207). The
// call's result is valid beside such an error; its verdict is [Retry].
func IsPartial(err error) bool { return hasStatus(err, http.StatusMultiStatus) }

// IsNotFound says that something the call names does not exist (404, of the call or of a row of it). In a batch of more
// than one row, which one is not said.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusNotFound ||
		slices.ContainsFunc(e.Batch, func(row BatchError) bool { return row.Status == http.StatusNotFound }))
}

// IsDuplicateName says that the store has another product of this name (409).
func IsDuplicateName(err error) bool { return isDuplicate(err, "name") }

// IsDuplicateSKU says that the store has another product or variant of this SKU, whatever its case (409).
func IsDuplicateSKU(err error) bool { return isDuplicate(err, "sku") }

func hasStatus(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status
}

// isDuplicate goes by status and field keys, because titles are not stable. Keys of a batch are "<index>.<field>", and
// a batch of variants reports its conflicts inside a 422.
func isDuplicate(err error, field string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	if e.Status == http.StatusConflict && hasField(e.Fields, field) {
		return true
	}
	return slices.ContainsFunc(e.Batch, func(row BatchError) bool {
		return row.Status == http.StatusConflict && hasField(row.Fields, field)
	})
}

func hasField(fields map[string]string, field string) bool {
	for key := range fields {
		if key == field || strings.HasSuffix(key, "."+field) {
			return true
		}
	}
	return false
}
