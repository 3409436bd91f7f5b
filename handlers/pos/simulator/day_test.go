package simulator

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
)

// manyDays is how many seeds a test goes through that no day may fail.
const manyDays = 20

func newDay(t *testing.T, seed uint64) *Day {
	t.Helper()
	d, err := NewDay(DayOptions{Store: "demo", Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func envelopes(t *testing.T, s Step) []domain.Envelope {
	t.Helper()
	out, err := s.Envelopes(opening0900.Add(s.At))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNewDay_Deterministic(t *testing.T) {
	t.Parallel()
	write := func(seed uint64) (lines []string) {
		for _, s := range newDay(t, seed).Steps() {
			lines = append(lines, s.Clock()+" "+s.Caption)
			for _, e := range envelopes(t, s) {
				doc, err := e.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				lines = append(lines, string(doc))
			}
		}
		return lines
	}
	if diff := cmp.Diff(write(7), write(7)); diff != "" {
		t.Errorf("the same seed gave another day:\n%s", diff)
	}
	if slices.Equal(write(7), write(8)) {
		t.Error("another seed gave the same day")
	}
}

func TestNewDay_ErrStore(t *testing.T) {
	t.Parallel()
	var invalid *domain.InvalidError
	if d, err := NewDay(DayOptions{Store: "No Store"}); !errors.As(err, &invalid) || invalid.Path != "store" {
		t.Errorf("got %v, %v, want an error of the store", d, err)
	}
}

func TestStep_Envelopes_ErrTime(t *testing.T) {
	t.Parallel()
	var invalid *domain.InvalidError
	if out, err := newDay(t, 1).Steps()[0].Envelopes(time.Time{}); !errors.As(err, &invalid) || invalid.Path != "time" {
		t.Errorf("got %v, %v, want an error of the time", out, err)
	}
}

// TestDay_Books folds the export and then each step, as tillstream will, and
// compares the stock after every step.
func TestDay_Books(t *testing.T) {
	t.Parallel()
	c, d := imported(t, domain.StockLevels), newDay(t, 1)
	if diff := cmp.Diff(texts(d.Books(0)), c.books()); diff != "" {
		t.Fatalf("at opening (-books +folded):\n%s", diff)
	}
	for i, s := range d.Steps() {
		for _, e := range envelopes(t, s) {
			c.append(e)
		}
		if diff := cmp.Diff(texts(d.Books(i+1)), c.books()); diff != "" {
			t.Fatalf("after %d %q (-books +folded):\n%s", s.Number, s.Caption, diff)
		}
	}
	if c.outcomes[domain.Superseded]+c.outcomes[domain.Duplicate] > 0 {
		t.Errorf("got %v, want every event folded", c.outcomes)
	}
}

// TestDay_Consistent holds any day to what a POS can do: quantities are the
// differences of readings, so that a store of movements comes to the same stock;
// nothing is sold that is not there; nothing comes back that was not sold.
func TestDay_Consistent(t *testing.T) {
	t.Parallel()
	opening := imported(t, domain.StockMovements)
	for seed := range uint64(manyDays) {
		d, c := newDay(t, seed), opening.clone()
		sold := map[string]hundredths{} // by sale and item
		version := uint64(0)
		for _, s := range d.Steps() {
			for _, e := range envelopes(t, s) {
				if e.SourceVersion != 0 && e.SourceVersion <= version {
					t.Fatalf("day %d, %s: version %d after %d", seed, s.Caption, e.SourceVersion, version)
				}
				version = max(version, e.SourceVersion)
				event, err := e.Event()
				if err != nil {
					t.Fatal(err)
				}
				if problem := trade(event, sold); problem != "" {
					t.Fatalf("day %d, %s: %s", seed, s.Caption, problem)
				}
				e.Data = withoutReading(t, event)
				c.append(e)
			}
		}
		if diff := cmp.Diff(texts(d.Books(len(d.Steps()))), c.books()); diff != "" {
			t.Fatalf("day %d, in the evening (-books +moved):\n%s", seed, diff)
		}
	}
}

// TestNewDay_Tomorrow plays two days in one store, the second with the numbers that
// follow the first's.
func TestNewDay_Tomorrow(t *testing.T) {
	t.Parallel()
	c, from := imported(t, domain.StockLevels), uint64(500)
	for day := range 2 {
		d, err := NewDay(DayOptions{Store: "demo", Seed: 1, FirstVersion: from})
		if err != nil {
			t.Fatal(err)
		}
		if got := envelopes(t, d.Steps()[0])[0].SourceVersion; got != from {
			t.Errorf("day %d: the first version is %d, want %d", day+1, got, from)
		}
		for _, s := range d.Steps() {
			out, err := s.Envelopes(opening0900.AddDate(0, 0, day).Add(s.At))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range out {
				c.append(e)
				from = max(from, e.SourceVersion+1)
			}
		}
	}
	if c.outcomes[domain.Superseded]+c.outcomes[domain.Duplicate] > 0 {
		t.Errorf("got %v, want every event of both days folded", c.outcomes)
	}
}

func trade(event domain.Event, sold map[string]hundredths) (problem string) {
	back := func(sale string, item domain.ItemID) string {
		key := sale + " " + string(item)
		if sold[key] -= one; sold[key] < 0 {
			return "brought back what was not sold"
		}
		return ""
	}
	switch e := event.(type) {
	case *domain.ItemSold:
		sold[e.Sale+" "+string(e.Item)] += inHundredths(e.Quantity)
		if e.OnHand != nil && e.OnHand.Sign() < 0 {
			return "sold what was not there"
		}
	case *domain.ItemRefunded:
		return back(e.OfSale, e.Item)
	case *domain.ItemExchanged:
		if e.Quantity.Sign() > 0 {
			return back(e.OfSale, e.Item)
		}
		sold[e.Sale+" "+string(e.Item)] += one
		if e.OnHand != nil && e.OnHand.Sign() < 0 {
			return "gave what was not there"
		}
	}
	return ""
}

func inHundredths(q domain.Quantity) hundredths {
	f, err := strconv.ParseFloat(q.String(), 64)
	if err != nil {
		panic(err)
	}
	return hundredths(math.Round(f * 100))
}

// withoutReading is the event of a POS that says only what moved.
func withoutReading(t *testing.T, event domain.Event) []byte {
	switch e := event.(type) {
	case *domain.ItemSold:
		e.OnHand = nil
	case *domain.ItemRefunded:
		e.OnHand = nil
	case *domain.ItemExchanged:
		e.OnHand = nil
	case *domain.StockOrderReceived:
		e.OnHand = nil
	case *domain.StockTransferred:
		e.OnHandFrom, e.OnHandTo = nil, nil
	case *domain.StockAdjusted:
		e.OnHand = nil
	}
	data, err := domain.EncodeEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestDay_Shape wants the nine triggers twice each, a rush at lunch, and steps
// that are told apart.
func TestDay_Shape(t *testing.T) {
	t.Parallel()
	for seed := range uint64(manyDays) {
		steps := newDay(t, seed).Steps()
		if n := len(steps); n < 120 || n > 180 {
			t.Errorf("got %d steps, want 120 to 180", n)
		}
		kinds, correlations, ids := map[domain.Type]int{}, map[string]bool{}, map[domain.EventID]bool{}
		lunch, lines := 0, map[int]int{}
		last := time.Duration(-1)
		for i, s := range steps {
			events := envelopes(t, s)
			if s.Number != i+1 || s.At <= last || s.At > Closes-Opens {
				t.Errorf("step %d of %d at %s after %s", s.Number, i+1, s.At, last)
			}
			last = s.At
			kinds[events[0].Type]++
			if events[0].Type == domain.TypeItemSold {
				lines[len(events)]++
				if s.At >= 3*time.Hour && s.At < 5*time.Hour {
					lunch++
				}
			}
			if correlations[events[0].CorrelationID] {
				t.Errorf("%s: correlation id %q is another step's", s.Caption, events[0].CorrelationID)
			}
			correlations[events[0].CorrelationID] = true
			for _, e := range events {
				if e.CorrelationID != events[0].CorrelationID || e.CorrelationID == "" || !strings.HasPrefix(s.Caption, e.Actor+" ") {
					t.Errorf("%s: got correlation id %q and actor %q", s.Caption, e.CorrelationID, e.Actor)
				}
				if ids[e.ID] {
					t.Errorf("%s: id %s twice", s.Caption, e.ID)
				}
				ids[e.ID] = true
			}
		}
		for _, kind := range domain.POSTypes() {
			if kind != domain.TypeStockLevelReported && kinds[kind] < 2 {
				t.Errorf("%s: got %d steps, want 2 or more", kind, kinds[kind])
			}
		}
		sales := kinds[domain.TypeItemSold]
		if lunch*100 < sales*25 { // two hours of eight and a half would be 24%
			t.Errorf("got %d of %d sales at lunch", lunch, sales)
		}
		if lines[1]+lines[2]+lines[3]+lines[4] != sales || lines[1] == 0 || lines[2] == 0 {
			t.Errorf("got sales of %v lines, want 1 to 4", lines)
		}
	}
}
