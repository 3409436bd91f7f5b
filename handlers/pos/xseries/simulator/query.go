package simulator

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
)

// span reads the cursor of a list. A page that is asked for to be larger than the most is the most, where the vendor
// names none; where it does, it is refused.
func (a *Account) span(x *exchange, size, most int) (span, error) {
	s := span{size: size}
	var err error
	if s.after, err = x.number("after", 0); err != nil {
		return s, err
	}
	if s.before, err = x.number("before", 0); err != nil {
		return s, err
	}
	asked, err := x.number("page_size", int64(size))
	switch {
	case err != nil:
		return s, err
	case asked < 1:
		return s, refused(http.StatusBadRequest, "page_size %d: want 1 or more", asked)
	case most > 0 && asked > int64(most):
		return s, refused(http.StatusBadRequest, "page_size %d: want at most %d", asked, most)
	}
	s.size = int(asked)
	if most == 0 {
		s.size = min(int(min(asked, mostItems)), a.cfg.PageSize)
	}
	return s, nil
}

func (x *exchange) number(name string, otherwise int64) (int64, error) {
	text := x.request.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, refused(http.StatusBadRequest, "%s=%q: want a whole number of 0 or more", name, text)
	}
	return n, nil
}

func (x *exchange) flag(name string) (bool, error) {
	text := x.request.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, refused(http.StatusBadRequest, "%s=%q: want true or false", name, text)
	}
	return b, nil
}

// list answers with records, which ascend, in the vendor's envelope: what is shown of each, and the least and the highest
// version.
func list[T record](x *exchange, records []T, show func(T) any) reply {
	data := make([]any, len(records))
	for i, r := range records {
		data[i] = show(r)
	}
	versions := object{"min": nil, "max": nil}
	if x.api == v20 {
		versions = object{"min": 0, "max": 0} // what 2.0 says of nothing is not known; who took it for a cursor would begin anew
	}
	if len(records) > 0 {
		versions = object{"min": records[0].stamp().version, "max": records[len(records)-1].stamp().version}
	}
	return replyJSON(http.StatusOK, object{"data": data, "version": versions})
}

func one(v any) reply { return replyJSON(http.StatusOK, object{"data": v}) }

// found answers with the record of an id, or refuses an unknown one.
func found[T record](f *feed[T], x *exchange, what string, show func(T) any) (reply, error) {
	r, ok := f.find(x.request.PathValue("id"))
	if !ok {
		return reply{}, refused(http.StatusNotFound, "there is no %s of the id %q", what, x.request.PathValue("id"))
	}
	return one(show(r)), nil
}

// places answers with the few records that are kept in a slice, as any other list.
func places[T record](a *Account, x *exchange, all []T, show func(T) any) (reply, error) {
	s, err := a.span(x, a.cfg.PageSize, 0)
	if err != nil {
		return reply{}, err
	}
	var f feed[T]
	for _, r := range slices.SortedFunc(slices.Values(all), func(r, other T) int { return cmp.Compare(r.stamp().version, other.stamp().version) }) {
		f.put(r)
	}
	return list(x, f.page(s, func(T) bool { return true }), show), nil
}
