package publish_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/projections"
)

// between is a transport that may answer a request in BigCommerce's place, or do
// something before it goes on.
type between struct {
	next http.RoundTripper
	meet func(kind, body string) *http.Response // nil: it goes on
}

func (b *between) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if answer := b.meet(r.Method+" "+strings.TrimPrefix(r.URL.Path, "/stores/demo/v3"), string(body)); answer != nil {
		answer.Request = r
		return answer, nil
	}
	return b.next.RoundTrip(r)
}

// interpose puts itself between the publisher, which must not run yet, and
// BigCommerce.
func (s *shop) interpose(meet func(kind, body string) *http.Response) {
	s.t.Helper()
	client, err := bigcommerce.New(bigcommerce.Config{StoreHash: "demo", Token: "demo",
		HTTPClient: &http.Client{Transport: &between{s.sim.Client().Transport, meet}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Client = client
	s.open()
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// The bound of [unit]: besides the request that failed, one product at fault among
// ten costs 6 requests and two cost 10, wherever they are, plus one read for each
// that says with which product it is in conflict. What was saved is not sent again.
func TestPublisher_Run_searchForOneOfTen(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		for j := i; j < 10; j++ {
			bad, most := []int{i}, 6
			if j != i {
				bad, most = []int{i, j}, 10
			}
			t.Run(fmt.Sprint("OK ", bad), func(t *testing.T) {
				in(t, func(t *testing.T) {
					s := newShop(t, simulator.Config{}, nil)
					ids := s.saveMany(10)
					s.link(ids...)
					var good []domain.ProductID
					for n, id := range ids {
						if !slices.Contains(bad, n) {
							good = append(good, id)
							continue
						}
						name := fmt.Sprintf("Taken %d", n)
						if err := s.sim.Seed(simulator.NewProduct(name, fmt.Sprintf("T-%d", n), 1)); err != nil {
							t.Fatal(err)
						}
						s.save(item{id: string(id), sku: "SKU-" + string(id), name: name, stock: "5"})
					}
					before := len(s.sim.Requests())
					s.run()
					s.idle()
					s.agree(good...)
					for _, n := range bad {
						if got := s.state(ids[n]); got != projections.Refusing {
							t.Errorf("%s is %s, want refused", ids[n], got)
						}
					}
					updates, reads := 0, 0
					written := map[int64]int{}
					for _, r := range s.sim.Requests()[before:] {
						switch r.Method + " " + r.Path {
						case "PUT /catalog/products":
							updates++
							for _, e := range r.Effects {
								if e.Kind == "product" {
									written[e.Product]++
								}
							}
						case "GET /catalog/products":
							reads++
						}
					}
					if updates-1 > most || reads != len(bad) {
						t.Errorf("%d more updates and %d reads, want at most %d and %d", updates-1, reads, most, len(bad))
					}
					for id, n := range written {
						if n != 1 {
							t.Errorf("product %d was written %d times, want once", id, n)
						}
					}
				})
			})
		}
	}
}

// When the answer says which products are at fault, nothing is searched for.
func TestPublisher_Run_namedAtFault(t *testing.T) {
	t.Parallel()
	// at answers the index in a batch at which a text is, or -1.
	at := func(body, text string) int {
		return slices.IndexFunc(strings.Split(body, `"id":`)[1:], func(row string) bool { return strings.Contains(row, text) })
	}
	tests := []struct {
		name    string
		bad     []int
		refusal func(body string) *http.Response // of an update with one at fault
		updates int
	}{
		{"OK by its index", []int{3}, func(body string) *http.Response {
			if i := at(body, "Bad 3"); i >= 0 {
				return answer(422, fmt.Sprintf(`{"status":422,"title":"JSON data is missing or invalid","errors":{"%d.price":"error.max"}}`, i))
			}
			return nil
		}, 2},
		{"OK two by their indexes", []int{2, 8}, func(body string) *http.Response {
			if i, j := at(body, "Bad 2"), at(body, "Bad 8"); i >= 0 && j >= 0 {
				return answer(422, fmt.Sprintf(`{"status":422,"title":"JSON data is missing or invalid","errors":{"%d.price":"error.max","%d.name":"error.max"}}`, i, j))
			}
			return nil
		}, 2},
		{"OK a conflict by its index is seen again alone", []int{9}, func(body string) *http.Response {
			if i := at(body, "Bad 9"); i >= 0 {
				return answer(409, fmt.Sprintf(`{"status":409,"title":"conflict","errors":{"%d.name":"is a duplicate"}}`, i))
			}
			return nil
		}, 3},
		{"OK by its SKU, seen again alone", []int{4}, func(body string) *http.Response {
			if at(body, "Bad 4") >= 0 {
				return answer(422, `{"status":422,"title":"Sku SKU-p00004 is not valid","errors":{}}`)
			}
			return nil
		}, 3},
		{"OK by an id", []int{0}, func(body string) *http.Response {
			if i := at(body, "Bad 0"); i >= 0 {
				id, _, _ := strings.Cut(strings.Split(body, `"id":`)[i+1], ",")
				return answer(422, fmt.Sprintf(`{"status":422,"title":"The product with id %s cannot be","errors":{}}`, id))
			}
			return nil
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				updates := 0
				s.interpose(func(kind, body string) *http.Response {
					if kind != "PUT /catalog/products" {
						return nil
					}
					updates++
					return tt.refusal(body)
				})
				ids := s.saveMany(10)
				s.link(ids...)
				good := slices.Clone(ids)
				for _, n := range slices.Backward(tt.bad) {
					s.seed(fmt.Sprintf("Bad %d", n)) // a conflict is with somebody
					s.save(item{id: string(ids[n]), sku: "SKU-" + string(ids[n]), name: fmt.Sprintf("Bad %d", n), stock: "5"})
					good = slices.Delete(good, n, n+1)
				}
				s.run()
				s.idle()
				s.agree(good...)
				refused := recorded[*domain.PushRefused](s.log)
				for _, r := range refused {
					if !slices.ContainsFunc(tt.bad, func(n int) bool { return ids[n] == r.Product }) {
						t.Errorf("refused %+v, want none but %v", r, tt.bad)
					}
				}
				if len(refused) != len(tt.bad) {
					t.Errorf("%d refused, want %d", len(refused), len(tt.bad))
				}
				if updates != tt.updates {
					t.Errorf("%d updates, want %d", updates, tt.updates)
				}
			})
		})
	}
}

// A whole stock request is refused because of some of its levels. The others are
// sent again at once; the twins of those are looked at.
func TestPublisher_Run_namedAtFault_stock(t *testing.T) {
	t.Parallel()
	for _, many := range []bool{false, true} {
		t.Run(fmt.Sprintf("OK several named %v", many), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				stocks := 0
				var odd []int64
				s.interpose(func(kind, body string) *http.Response {
					if kind != "PUT /inventory/adjustments/absolute" {
						return nil
					}
					if stocks++; stocks > 1 {
						return nil
					}
					var said []string
					for _, twin := range odd {
						if err := s.sim.MerchantEdit(twin, func(p *simulator.Product) { p.InventoryTracking = "none" }); err != nil {
							t.Error(err)
						}
						said = append(said, fmt.Sprintf("Item with product_id %d is not tracked", twin))
					}
					if !many {
						return nil // the simulator says it in its own words
					}
					return answer(422, fmt.Sprintf(`{"status":422,"title":"[%s]","errors":{}}`, strings.Join(said, ", ")))
				})
				ids := s.saveMany(400)
				s.link(ids...)
				for _, i := range []int{7, 200, 399}[:map[bool]int{false: 1, true: 3}[many]] {
					odd = append(odd, s.publication(ids[i]).Link.BigCommerceID)
				}
				s.run()
				s.idle()
				s.agree(ids...)
				// The refused one, the others, and those that were looked at.
				if stocks != 3 {
					t.Errorf("%d stock requests, want 3", stocks)
				}
				if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
					t.Errorf("refused: %+v", got[0])
				}
			})
		})
	}
}

// The rows of a batch of variants are told by the ids in the rows' own errors.
func TestPublisher_Run_namedAtFault_variants(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		var ids []domain.ProductID
		for p := range 10 {
			id := fmt.Sprintf("f%d", p)
			ids = append(ids, domain.ProductID(id))
			for v := range 4 {
				s.save(item{id: fmt.Sprintf("%s-%d", id, v), product: id, sku: fmt.Sprintf("%s-%d", id, v), options: size(fmt.Sprint(v)), stock: "3"})
			}
		}
		s.link(ids...)
		for _, id := range []domain.ProductID{"f2", "f9"} {
			if err := s.sim.MerchantEdit(s.twin(id).ID, func(p *simulator.Product) { p.Variants = p.Variants[:3] }); err != nil {
				t.Fatal(err)
			}
		}
		s.run()
		s.idle()
		s.agree(ids...)
		// The refused one, the others, and the two once their variants are there.
		if got := s.sent("PUT /catalog/variants"); got != 3 {
			t.Errorf("%d updates of variants, want 3", got)
		}
	})
}
