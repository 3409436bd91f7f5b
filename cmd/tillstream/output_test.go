package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
)

// onScreen runs show on a screen of a kind and returns what it wrote.
func onScreen(kind screen, show func(*cli)) string {
	var b bytes.Buffer
	kind.Writer = &b
	show(&cli{stdout: &kind, stderr: &kind, now: time.Now})
	return b.String()
}

func troubledProduct() *console.ProductPage {
	at := time.Date(2026, 11, 1, 10, 15, 12, 0, time.UTC)
	return &console.ProductPage{
		Store: "harbour", Product: "f-1", Position: 12, Name: "Evil \x1b[2J\nname", Brand: "Kona", Active: true,
		Variants: []console.VariantPage{
			{Item: "i-1", SKU: "KK-1", Options: []domain.Option{{Name: "Size", Value: "M"}}, RetailPrice: domain.MustMoney("59"), SupplyPrice: domain.MustMoney("20.5"),
				Stock: map[domain.OutletID]domain.Quantity{"Quayside": domain.MustQuantity("4"), "Mill Lane": domain.MustQuantity("0.5")}},
		},
		Undescribed: []console.VariantPage{{Item: "i-2", Stock: map[domain.OutletID]domain.Quantity{"Quayside": domain.MustQuantity("1")}}},
		Quarantined: []console.QuarantinedItem{{Item: "i-2", Position: 11, Reason: "data.sku: is required"}},
		Link:        &console.LinkPage{BigCommerceID: 1000001, Variants: map[domain.ItemID]int64{"i-1": 20000001}},
		Publication: console.PublicationPage{State: projections.Quarantined, Position: 9, At: &at, Error: "name is taken"},
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	const want = `Evil �[2J name  quarantined
product f-1 of store harbour, as of position 12
brand Kona, active, stock not tracked
BigCommerce 1000001, which confirmed position 9 on 2026-11-01 10:15:12Z
name is taken

SKU   ITEM  OPTIONS  PRICE  COST  STOCK                      BIGCOMMERCE
KK-1  i-1   Size M   59     20.5  Mill Lane 0.5, Quayside 4  20000001

heard of, but not described by the POS yet:
SKU  ITEM  OPTIONS  PRICE  COST  STOCK       BIGCOMMERCE
     i-2            0      0     Quayside 1

quarantined: item i-2, position 11: data.sku: is required
try: tillstream deadletters list
`
	got := onScreen(screen{}, func(c *cli) { c.show(troubledProduct()) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestScreen_Terminal: a terminal gets colours, only the columns that say
// something, and no line that is wider than it.
func TestScreen_Terminal(t *testing.T) {
	t.Parallel()
	got := onScreen(screen{terminal: true, colours: true, width: 40}, func(c *cli) { c.show(troubledProduct()) })
	if !strings.Contains(got, "\x1b[31mquarantined\x1b[0m") || strings.Contains(got, "\x1b[2J") {
		t.Errorf("the colours are not ours alone: %q", got)
	}
	if strings.Count(got, "OPTIONS") != 1 {
		t.Errorf("an empty column is shown:\n%s", got)
	}
	plain := onScreen(screen{terminal: true, width: 40}, func(c *cli) { c.show(troubledProduct()) })
	if strings.Contains(plain, "\x1b") {
		t.Errorf("colours where none are wanted: %q", plain)
	}
	for line := range strings.Lines(plain) {
		if strings.HasPrefix(line, "KK-1") && len([]rune(strings.TrimSpace(line))) > 40 {
			t.Errorf("wider than the terminal: %q", line)
		}
	}
}

func TestNewScreen_Piped(t *testing.T) {
	t.Parallel()
	s := newScreen(&bytes.Buffer{}, func(string) string { return "" })
	if s.terminal || s.colours {
		t.Errorf("a pipe is taken for a terminal: %+v", s)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	store := func(change func(*projections.StoreStatus)) projections.Status {
		s := projections.StoreStatus{Store: "harbour"}
		s.Publishing.Confirmed = 3
		change(&s)
		return projections.Status{Ready: true, Stores: []projections.StoreStatus{s}}
	}
	starting := store(func(s *projections.StoreStatus) { s.Projection.Lag = 5 })
	starting.Ready = false
	stuck := store(func(s *projections.StoreStatus) {
		s.Problem, s.DeadLetters, s.Publishing.Refused = "BigCommerce refuses the token; set another", 2, 1
	})
	stuck.Problems = []string{"the disk is full"}
	for _, tt := range []struct {
		name   string
		status projections.Status
		want   string
	}{
		{"Well", store(func(*projections.StoreStatus) {}), "all is well: BigCommerce shows the newest state of all 3 products linked of harbour"},
		{"OnTheWay", store(func(s *projections.StoreStatus) { s.Publishing.Pending = 2 }), "all is well: 2 of 5 products linked of harbour on their way to BigCommerce"},
		{"Folding", store(func(s *projections.StoreStatus) { s.Projection.Lag = 1200 }), "all is well: 1,200 events of harbour still to be folded"},
		{"NothingLinked", store(func(s *projections.StoreStatus) { s.Publishing.Confirmed = 0 }), "all is well: no product of harbour is linked yet (tillstream link --auto)"},
		{"Starting", starting, "starting: what is in the log is still being folded"},
		{"NoStore", projections.Status{Ready: true}, "all is well: no store is set"},
		{"Stuck", stuck, "not all is well: the disk is full\n" +
			"  harbour: BigCommerce refuses the token; set another\n" +
			"  harbour: BigCommerce refuses 1 product (tillstream products --state refused)\n" +
			"  harbour: 2 events could not be used (tillstream deadletters list)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := onScreen(screen{}, func(c *cli) { c.status(&console.StatusPage{Status: tt.status}) })
			got, _, _ = strings.Cut(got, "\n\n")
			if diff := cmp.Diff(tt.want, strings.TrimSpace(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPushing_End(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, verb string
		states     []string
		want, hint string
	}{
		{"OK", "push", []string{"confirmed", "confirmed"}, "", ""},
		{"OKCreated", "publish", []string{"created", "linked"}, "", ""},
		{"ErrRefused", "push", []string{"confirmed", "refused"}, "1 product not confirmed of 2: 1 refused", "tillstream products --state refused"},
		{"ErrPending", "push", []string{"pending", "pending"}, "2 products not confirmed of 2: 2 still pending", "tillstream status; the pushes go on"},
		{"ErrNotLinked", "push", []string{"nothing"}, "1 product not confirmed of 1: 1 not pushed", "tillstream link --auto, or tillstream publish ITEM"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := pushing{left: map[string]int{}}
			var err error
			onScreen(screen{}, func(c *cli) {
				for _, state := range tt.states {
					p.count(console.PushLine{State: state})
				}
				err = p.end(c, tt.verb)
			})
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			if err == nil || err.Error() != tt.want || hintOf(err) != tt.hint {
				t.Errorf("got %v, hint %q; want %q, hint %q", err, hintOf(err), tt.want, tt.hint)
			}
		})
	}
}

// TestImporter_Progress: without a terminal an import is told line by line.
func TestImporter_Progress(t *testing.T) {
	t.Parallel()
	got := onScreen(screen{}, func(c *cli) {
		i := importer{cli: c, file: "export.csv", bar: c.newProgress("import export.csv", 1000)}
		for _, line := range []string{
			`{"import":{"id":"019d2b5e-7a55-7e0e-9d3b-6d7a1f2a9c11","recorded":1000}}`,
			`{"row":17,"outcome":"refused","column":"retail_price","value":"abc","problem":"must be a decimal"}`,
			`{"row":18,"outcome":"skipped","problem":"is part of a composite"}`,
			`{"progress":{"rows":5000,"events":9800}}`,
			`{"summary":{"rows":5001,"imported":5000,"refused":0,"events":9801,"duplicates":1,"ignored_columns":["colour"]}}`,
		} {
			if err := i.line(json.RawMessage(line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := i.end(); err != nil {
			t.Fatal(err)
		}
	})
	const want = `going on with import 019d2b5e-7a55-7e0e-9d3b-6d7a1f2a9c11, of which 1,000 rows are recorded
row 17, retail_price "abc": must be a decimal
row 18: is part of a composite
import export.csv: 5,000 rows, 9,800 events
5,001 rows, 5,000 imported, 9,801 events, 1 of them in the log already
columns that were not read: colour
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 events", 1: "1 event", 999: "999 events", 1000: "1,000 events", 1234567: "1,234,567 events"} {
		if got := count(n, "event"); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}
