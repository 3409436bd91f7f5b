package xseries

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Outlets maps the ids of outlets to the names that events call them by: the name
// that an outlet had when it was first seen. A later rename in the POS changes
// nothing here, since it would split the outlet's stock in two. Names are what the
// store's settings and its product files say.
type Outlets map[string]domain.OutletID

// UnknownOutletError says that an outlet has no name yet.
type UnknownOutletError struct{ ID string }

func (e *UnknownOutletError) Error() string { return fmt.Sprintf("outlet %q is not known", e.ID) }

func (o Outlets) name(id string) (domain.OutletID, error) {
	if id == "" {
		return "", &domain.InvalidError{Path: "outlet_id", Reason: "is required"}
	}
	if name, ok := o[id]; ok {
		return name, nil
	}
	return "", &UnknownOutletError{id}
}

// With returns o with the outlets that it lacks. One whose name another has already
// goes by both its name and its id.
func (o Outlets) With(records []json.RawMessage) Outlets {
	out := maps.Clone(o)
	if out == nil {
		out = Outlets{}
	}
	taken := map[domain.OutletID]bool{}
	for _, name := range out {
		taken[name] = true
	}
	for _, raw := range records {
		r := recordOf(raw)
		id := r.id("id")
		if _, known := out[id]; known || id == "" {
			continue
		}
		name := domain.OutletID(cut(strings.Join(strings.Fields(r.text("name")), " ")))
		switch {
		case name == "":
			name = domain.OutletID(id)
		case taken[name]:
			name = domain.OutletID(cut(id + " " + string(name)))
		}
		out[id], taken[name] = name, true
	}
	return out
}

// Named returns o in which an outlet that nothing can be read of goes by its id.
func (o Outlets) Named(id string) Outlets {
	raw, err := json.Marshal(map[string]string{"id": id})
	if err != nil {
		return o // no string fails to be written
	}
	return o.With([]json.RawMessage{raw})
}

// Registers reads which outlet each register is in.
func Registers(records []json.RawMessage) map[string]string {
	out := map[string]string{}
	for _, raw := range records {
		r := recordOf(raw)
		if id, outlet := r.id("id"), r.id("outlet_id"); id != "" && outlet != "" {
			out[id] = outlet
		}
	}
	return out
}
