package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxHooks  = 10 // of one client and scope
	hookIdles = 90 * 24 * time.Hour
)

// hook is a webhook: what to tell whom.
type hook struct {
	ID          int64             `json:"id"`
	ClientID    string            `json:"client_id"`
	StoreHash   string            `json:"store_hash"`
	Scope       string            `json:"scope"`
	Destination string            `json:"destination"`
	Headers     map[string]string `json:"headers"`
	IsActive    bool              `json:"is_active"`
	CreatedAt   int64             `json:"created_at"`
	UpdatedAt   int64             `json:"updated_at"`

	secret      []byte
	usedAt      time.Time // when it was made, changed, or had an event
	deactivated bool      // by the store, not by its client
}

// hookBody is what is written of a webhook.
type hookBody struct {
	Scope       *string            `json:"scope"`
	Destination *string            `json:"destination"`
	IsActive    *bool              `json:"is_active"`
	Headers     *map[string]string `json:"headers"`
}

// scopes of products and SKUs are all known; of other things, a sync has no use for any, and each is taken and never
// fires.
func knownScope(scope string) bool {
	parts := strings.SplitN(scope, "/", 3)
	if len(parts) < 3 || parts[0] != "store" || parts[1] == "" || parts[2] == "" {
		return false
	}
	if parts[1] != "product" && parts[1] != "sku" {
		return true
	}
	return slices.Contains([]string{"*", "created", "updated", "deleted", "inventory/updated", "inventory/order/updated"}, parts[2])
}

// covers says whether a hook hears of an event of that scope.
func (h *hook) covers(scope string) bool {
	family, all := strings.CutSuffix(h.Scope, "*")
	return h.Scope == scope || all && strings.HasPrefix(scope, family)
}

// checkDestination says what is wrong with a receiver's address.
func (s *Store) checkDestination(destination string) string {
	u, err := url.Parse(destination)
	if err != nil || u.Host == "" {
		return "want an absolute URL"
	}
	if s.cfg.WebhookLoopback && (u.Scheme == "http" || u.Scheme == "https") && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()) {
		return ""
	}
	switch {
	case u.Scheme != "https":
		return "want https"
	case u.Port() != "" && u.Port() != "443":
		return "want port 443"
	}
	return ""
}

// write puts what a body has into a hook, and says what is wrong with it.
func (s *Store) writeHook(h *hook, body hookBody) *problem {
	assign(&h.Scope, body.Scope)
	assign(&h.Destination, body.Destination)
	assign(&h.IsActive, body.IsActive)
	assign(&h.Headers, body.Headers)
	wrong := map[string]string{}
	if !knownScope(h.Scope) {
		wrong["scope"] = "is not a scope"
	}
	if message := s.checkDestination(h.Destination); message != "" {
		wrong["destination"] = message
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	same := 0
	for _, other := range s.hooks {
		if other.ID == h.ID || other.ClientID != h.ClientID || other.Scope != h.Scope {
			continue
		}
		if other.Destination == h.Destination {
			return invalid(map[string]string{"destination": fmt.Sprintf("webhook %d has this scope and destination already", other.ID)})
		}
		same++
	}
	if same >= maxHooks {
		return &problem{status: http.StatusForbidden, title: fmt.Sprintf("A client has at most %d webhooks of one scope", maxHooks)}
	}
	now := s.cfg.Now()
	h.UpdatedAt, h.usedAt = now.Unix(), now
	if h.IsActive {
		h.deactivated = false
	}
	return nil
}

func createHook(s *Store, x *exchange) (response, *problem) {
	var body hookBody
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	for key, given := range map[string]*string{"scope": body.Scope, "destination": body.Destination} {
		if given == nil {
			return response{}, invalid(missing(key))
		}
	}
	h := hook{ClientID: x.account.ClientID, StoreHash: s.cfg.StoreHash, IsActive: true, CreatedAt: s.cfg.Now().Unix(), secret: []byte(x.account.ClientSecret)}
	if refusal := s.writeHook(&h, body); refusal != nil {
		return response{}, refusal
	}
	h.ID = next(&s.last.hook)
	s.keepHook(x, Created, h)
	return ok(mustJSON(h)), nil
}

func (s *Store) keepHook(x *exchange, verb Verb, h hook) {
	s.hooks[h.ID] = &h
	x.tx.effects = append(x.tx.effects, Effect{Verb: verb, Kind: "hook", ID: h.ID})
}

// findHook returns a copy of the hook that the path names, if it is one of the token's own client.
func (s *Store) findHook(x *exchange) (hook, *problem) {
	s.retireHooks()
	h := s.hooks[x.id("id")]
	if h == nil || h.ClientID != x.account.ClientID {
		return hook{}, notFound("Webhook with id [%s] not found", x.request.PathValue("id"))
	}
	return *h, nil
}

func readHook(s *Store, x *exchange) (response, *problem) {
	h, refusal := s.findHook(x)
	if refusal != nil {
		return response{}, refusal
	}
	return ok(mustJSON(h)), nil
}

func updateHook(s *Store, x *exchange) (response, *problem) {
	h, refusal := s.findHook(x)
	if refusal != nil {
		return response{}, refusal
	}
	var body hookBody
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	if body == (hookBody{}) {
		return response{}, invalid(missing("scope, destination, is_active or headers"))
	}
	if refusal := s.writeHook(&h, body); refusal != nil {
		return response{}, refusal
	}
	s.keepHook(x, Updated, h)
	return ok(mustJSON(h)), nil
}

func deleteHook(s *Store, x *exchange) (response, *problem) {
	h, refusal := s.findHook(x)
	if refusal != nil {
		return response{}, refusal
	}
	delete(s.hooks, h.ID)
	x.tx.effects = append(x.tx.effects, Effect{Verb: Deleted, Kind: "hook", ID: h.ID})
	return ok(mustJSON(h)), nil
}

// ownHooks returns a client's hooks in the order of their ids, only those that are active or not if that is asked for.
func (s *Store) ownHooks(client, active string) []*hook {
	s.retireHooks()
	var own []*hook
	for _, id := range slices.Sorted(maps.Keys(s.hooks)) {
		if h := s.hooks[id]; h.ClientID == client && (active == "" || active == strconv.FormatBool(h.IsActive)) {
			own = append(own, h)
		}
	}
	return own
}

func listHooks(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, "is_active", "scope", "destination")
	if refusal != nil {
		return response{}, refusal
	}
	found := slices.DeleteFunc(s.ownHooks(x.account.ClientID, l.filters.Get("is_active")), func(h *hook) bool {
		return l.filters.Has("scope") && l.filters.Get("scope") != h.Scope || l.filters.Has("destination") && l.filters.Get("destination") != h.Destination
	})
	return l.reply(len(found), func(i int) json.RawMessage { return mustJSON(found[i]) }), nil
}

// readHooksAdmin shows the hooks with what the store thinks of them and of their receivers.
func readHooksAdmin(s *Store, x *exchange) (response, *problem) {
	type shown struct {
		*hook
		Status string `json:"status"`
	}
	list := []shown{}
	for _, h := range s.ownHooks(x.account.ClientID, x.request.URL.Query().Get("is_active")) {
		status := "active"
		switch {
		case h.deactivated:
			status = "deactivated"
		case !h.IsActive:
			status = "inactive"
		}
		list = append(list, shown{h, status})
	}
	return ok(mustJSON(map[string]any{"emails": append([]string{}, s.hookEmails[x.account.ClientID]...), "hooks_list": list, "blocked_domains": s.blockedDomains(x.account.ClientID)})), nil
}

func updateHooksAdmin(s *Store, x *exchange) (response, *problem) {
	var body struct {
		Emails []string `json:"emails"`
	}
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	s.hookEmails[x.account.ClientID] = body.Emails
	return noContent(), nil
}

// retireHooks deactivates the hooks that had no event for too long.
func (s *Store) retireHooks() {
	now := s.cfg.Now()
	for _, h := range s.hooks {
		if h.IsActive && now.Sub(h.usedAt) > s.real(hookIdles) {
			h.deactivate(now)
		}
	}
}

func (h *hook) deactivate(now time.Time) {
	h.IsActive, h.deactivated, h.UpdatedAt = false, true, now.Unix()
}
