package simulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// listing is the part of a list's query that every list has, and the filters, whose names were checked.
type listing struct {
	page, limit int
	include     []string
	fields      []string // from include_fields; nil for all
	except      []string // from exclude_fields
	filters     url.Values
}

const maxPage = 250

// parseListing reads a query and refuses filters that are not allowed.
func parseListing(query url.Values, most int, allowed ...string) (listing, *problem) {
	l := listing{page: 1, limit: min(50, most), filters: url.Values{}}
	var unknown []string
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "page":
			n, err := strconv.ParseInt(value, 10, 32) // so that no page times its length overflows
			if err != nil || n < 1 {
				return l, invalid(map[string]string{"page": "error.expected.jsnumber"})
			}
			l.page = int(n)
		case "limit":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return l, invalid(map[string]string{"limit": "error.expected.jsnumber"})
			}
			l.limit = min(n, most)
		case "include":
			l.include = strings.Split(value, ",")
		case "include_fields":
			l.fields = strings.Split(value, ",")
		case "exclude_fields":
			l.except = strings.Split(value, ",")
		default:
			if !slices.Contains(allowed, name) {
				unknown = append(unknown, name)
				continue
			}
			l.filters[name] = []string{value}
		}
	}
	if unknown != nil {
		slices.Sort(unknown)
		return l, &problem{status: 422, title: fmt.Sprintf("The filter(s): %s are not valid filter parameter(s).", strings.Join(unknown, ","))}
	}
	return l, nil
}

// ids reads a list of numbers, which is refused when one is not.
func ids(name, list string) ([]int64, *problem) {
	var all []int64
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, invalid(map[string]string{name: "error.expected.jsnumber"})
		}
		all = append(all, n)
	}
	return all, nil
}

// reply cuts the page out of n things and shows each.
func (l listing) reply(n int, show func(i int) json.RawMessage) response {
	from := min((l.page-1)*l.limit, n)
	to := min(from+l.limit, n)
	data := []byte{'['}
	for i := from; i < to; i++ {
		if i > from {
			data = append(data, ',')
		}
		data = append(data, show(i)...)
	}
	data = append(data, ']')
	pages := (n + l.limit - 1) / l.limit
	links := map[string]string{"current": l.link(l.page)}
	if l.page > 1 {
		links["previous"] = l.link(l.page - 1)
	}
	if l.page < pages {
		links["next"] = l.link(l.page + 1)
	}
	return withMeta(data, mustJSON(map[string]any{"pagination": map[string]any{
		"total": n, "count": to - from, "per_page": l.limit, "current_page": l.page, "total_pages": pages, "links": links,
	}}))
}

func (l listing) link(page int) string { return fmt.Sprintf("?page=%d&limit=%d", page, l.limit) }

// show encodes what target points at, with the parts and fields that the listing asks for. The id is always shown.
func (l listing) show(s *schema, target any) json.RawMessage {
	if l.fields == nil && l.except == nil && s.parts == nil {
		return mustJSON(target)
	}
	out := []byte{'{'}
	for _, key := range s.order {
		if !l.shows(s, key) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, key...)
		out = append(out, '"', ':')
		if value := s.field(target, key); value.Kind() == reflect.Slice && value.IsNil() {
			out = append(out, '[', ']')
		} else {
			out = appendField(out, value)
		}
	}
	return append(out, '}')
}

// shows says whether a field is asked for; a part is only when it is included.
func (l listing) shows(s *schema, key string) bool {
	switch {
	case key == "id":
		return true
	case slices.Contains(s.parts, key):
		return slices.Contains(l.include, key) && !slices.Contains(l.except, key)
	}
	return (l.fields == nil || slices.Contains(l.fields, key)) && !slices.Contains(l.except, key)
}

// showProduct encodes a product with its included parts.
func (s *Store) showProduct(l listing, p *Product) json.RawMessage { return l.show(s.product, p) }
