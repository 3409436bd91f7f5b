package publish

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// survey reads what BigCommerce shows in the fewest requests: by lists of ids, or
// page by page where everything takes fewer pages than the ids take lists.
type survey struct {
	p      *Publisher
	brands map[int64]bigcommerce.Brand // that were asked for; "" for one that is not there
	stock  map[Level]int64
}

func newSurvey(p *Publisher) *survey {
	return &survey{p: p, brands: map[int64]bigcommerce.Brand{}, stock: map[Level]int64{}}
}

// brand is the name of a brand that was read. One that is gone has its number.
func (s *survey) brand(id int64) bigcommerce.Brand {
	name := s.brands[id]
	if name == "" && id != 0 {
		return bigcommerce.Brand(fmt.Sprintf("brand %d", id))
	}
	return name
}

// readAhead is how many requests of a survey are in flight. It leaves others to
// pushes.
const readAhead = 2

// sweep yields what is there of n things, in pieces: by lists, which take each
// requests, or by pages, whichever takes fewer. Pages may also hold what was not
// asked for. What came, or went, while pages were read may be missing.
func sweep[T any](ctx context.Context, p *Publisher, n, each int,
	page func(context.Context, int) ([]T, int, error), list func(_ context.Context, from, to int) ([]T, error)) iter.Seq2[[]T, error] {
	lists := func(ctx context.Context, i int) (found []T, err error) {
		err = p.answer(ctx, func(ctx context.Context) error {
			found, err = list(ctx, i*bigcommerce.MaxListed, min((i+1)*bigcommerce.MaxListed, n))
			return err
		})
		return found, err
	}
	most := ceil(n, bigcommerce.MaxListed)
	if most*each <= 1 {
		return ordered(ctx, most, lists)
	}
	pages := 1
	numbered := func(ctx context.Context, i int) (found []T, err error) {
		err = p.answer(ctx, func(ctx context.Context) error {
			var of int
			if found, of, err = page(ctx, i+1); i == 0 {
				pages = of
			}
			return err
		})
		return found, err
	}
	return func(yield func([]T, error) bool) {
		first, err := numbered(ctx, 0)
		if err != nil {
			yield(nil, err)
			return
		}
		rest := ordered(ctx, most, lists)
		if pages-1 <= most*each {
			if !yield(first, nil) {
				return
			}
			rest = ordered(ctx, pages-1, func(ctx context.Context, i int) ([]T, error) { return numbered(ctx, i+1) })
		}
		rest(yield)
	}
}

// ordered yields n answers in their order, and the first error. Some are asked for
// ahead.
func ordered[T any](ctx context.Context, n int, ask func(context.Context, int) (T, error)) iter.Seq2[T, error] {
	type answer struct {
		found T
		err   error
	}
	return func(yield func(T, error) bool) {
		var asking sync.WaitGroup
		defer asking.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var waiting []chan answer
		for next := 0; next < n || len(waiting) > 0; {
			for ; next < n && len(waiting) < readAhead; next++ {
				c, i := make(chan answer, 1), next
				waiting = append(waiting, c)
				asking.Go(func() {
					found, err := ask(ctx, i)
					c <- answer{found, err}
				})
			}
			a := <-waiting[0]
			waiting = waiting[1:]
			if !yield(a.found, a.err) || a.err != nil {
				return
			}
		}
	}
}

// readStock reads the stock of some products.
func (s *survey) readStock(ctx context.Context, ids []bigcommerce.ProductID) error {
	wanted := map[bigcommerce.ProductID]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	client := s.p.cfg.Client
	for found, err := range sweep(ctx, s.p, len(ids), 1, client.SurveyStock, func(ctx context.Context, from, to int) ([]bigcommerce.Stock, error) {
		return client.StockByProduct(ctx, ids[from:to])
	}) {
		if err != nil {
			return err
		}
		for _, of := range found {
			if !wanted[of.Product] {
				continue
			}
			for _, l := range of.Levels {
				s.stock[Level{of.Variant, l.Location}] = l.OnHand
			}
		}
	}
	return nil
}

// twins yields some products in pieces, those that exist. Pieces may hold others.
func (s *survey) twins(ctx context.Context, ids []bigcommerce.ProductID) iter.Seq2[[]bigcommerce.Product, error] {
	client := s.p.cfg.Client
	return func(yield func([]bigcommerce.Product, error) bool) {
		missing := map[bigcommerce.ProductID]bool{}
		for _, id := range ids {
			missing[id] = true
		}
		byID := func(ids []bigcommerce.ProductID) func(context.Context, int, int) ([]bigcommerce.Product, error) {
			return func(ctx context.Context, from, to int) ([]bigcommerce.Product, error) {
				return client.ProductsByID(ctx, ids[from:to])
			}
		}
		for found, err := range sweep(ctx, s.p, len(ids), 1, client.SurveyProducts, byID(ids)) {
			for _, twin := range found {
				delete(missing, twin.ID)
			}
			if !yield(found, err) || err != nil {
				return
			}
		}
		// A page skips a product where one before it is deleted meanwhile.
		if len(ids) <= bigcommerce.MaxListed {
			return
		}
		left := slices.DeleteFunc(slices.Clone(ids), func(id bigcommerce.ProductID) bool { return !missing[id] })
		for some := range slices.Chunk(left, bigcommerce.MaxListed) {
			var found []bigcommerce.Product
			err := s.p.answer(ctx, func(ctx context.Context) (err error) {
				found, err = client.ProductsByID(ctx, some)
				return err
			})
			if !yield(found, err) || err != nil {
				return
			}
		}
	}
}

// withOptions reads products again, with their options.
func (s *survey) withOptions(ctx context.Context, ids []bigcommerce.ProductID) (map[bigcommerce.ProductID]bigcommerce.Product, error) {
	out := map[bigcommerce.ProductID]bigcommerce.Product{}
	for some := range slices.Chunk(ids, bigcommerce.MaxListed) {
		err := s.p.answer(ctx, func(ctx context.Context) error {
			found, err := s.p.cfg.Client.ProductsWithOptions(ctx, some)
			for _, twin := range found {
				out[twin.ID] = twin
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readBrands reads the names of brands that are not known yet. Where many products
// are looked at, the first page of all brands comes first: most stores have no more.
func (s *survey) readBrands(ctx context.Context, twins []bigcommerce.Product, many bool) error {
	unknown := func() (ids []int64) {
		for _, twin := range twins {
			if _, known := s.brands[twin.BrandID]; !known && twin.BrandID != 0 {
				ids = append(ids, twin.BrandID)
			}
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	enter := func(found []bigcommerce.BrandRef) {
		for _, b := range found {
			s.brands[b.ID] = bigcommerce.Brand(b.Name)
		}
	}
	if many && len(s.brands) == 0 && len(unknown()) > 0 {
		err := s.p.answer(ctx, func(ctx context.Context) error {
			found, _, err := s.p.cfg.Client.SurveyBrands(ctx, 1)
			enter(found)
			return err
		})
		if err != nil {
			return err
		}
	}
	for some := range slices.Chunk(unknown(), bigcommerce.MaxListed) {
		err := s.p.answer(ctx, func(ctx context.Context) error {
			found, err := s.p.cfg.Client.BrandsByID(ctx, some)
			for _, id := range some {
				s.brands[id] = "" // unless it is found
			}
			enter(found)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
