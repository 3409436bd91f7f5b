package console

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// StatusPage is what an operator is told, with what only the process knows.
type StatusPage struct {
	projections.Status
	// StrayDeadLetters are the open ones that are of no configured store.
	StrayDeadLetters int    `json:"stray_dead_letters,omitempty"`
	Version          string `json:"version"`
	// Rebuild is how far a rebuild is; nil while none is at work.
	Rebuild *RebuildProgress `json:"rebuild,omitempty"`
	// Index is where the search index of this process stands; nil when it has none.
	Index *search.Status `json:"index,omitempty"`
	// Evidence is how far the logs are signed; nil when another process signs.
	Evidence *Evidence `json:"evidence,omitempty"`
}

// Evidence is what makes tampering with the logs evident.
type Evidence struct {
	Key  string         `json:"key"` // the public one
	Logs []audit.Status `json:"logs"`
}

// Status puts together where everything stands. It reads the broker, so an error
// means that the broker does not answer.
func (c *Console) Status(ctx context.Context) (StatusPage, error) {
	running := c.Running()
	page := StatusPage{Version: c.Version, Rebuild: running.Rebuild, Status: projections.Status{Ready: running.Ready, Problems: running.Problems, Stores: []projections.StoreStatus{}}}
	last, err := c.POS.Last(ctx)
	if err != nil {
		return page, err
	}
	if err := c.Health(ctx); err != nil {
		page.Problems = append([]string{"nothing more can be recorded: " + err.Error()}, page.Problems...)
	}
	if c.Evidence != nil {
		page.Evidence = c.Evidence()
	}
	if c.Index != nil {
		index := c.Index.Status()
		page.Index = &index
	}
	dead, err := c.DeadLetters.Open(ctx)
	if err != nil {
		return page, err
	}
	for _, n := range dead {
		page.StrayDeadLetters += n
	}
	sources, err := c.Sources(ctx)
	if err != nil {
		return page, err
	}
	for _, store := range c.Stores {
		s := projections.NewStoreStatus(store.ID, last, c.Standings, dead[store.ID])
		page.StrayDeadLetters -= s.DeadLetters
		if store.Publisher != nil {
			p := store.Publisher.Status()
			s.Publishing.Requests, s.Publishing.Throttled = p.Requests, p.Throttled
			s.Publishing.Manual, s.Problem = p.Manual, p.Problem
			e := store.Publisher.Efficiency()
			s.Publishing.Efficiency = &e
		}
		s.Sources = sources.Of(store.ID, c.Now())
		if store.Account != nil {
			account := store.Account()
			s.Account = &account
		}
		page.Stores = append(page.Stores, s)
	}
	return page, nil
}

// MountStatus adds what every process serves whatever its roles: status, health,
// readiness and metrics.
func (c *Console) MountStatus(mux *http.ServeMux) {
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, r *http.Request) {
		page, err := c.Status(r.Context())
		if err != nil {
			problem.Write(w, c.explain("status", err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// The caller may have gone; there is nobody left to tell.
		_ = json.NewEncoder(w).Encode(page)
	})
	// Healthy is who can read the log.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := c.POS.Last(r.Context()); err != nil {
			problem.Write(w, c.explain("health", err))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	// Ready is who has folded what there was at the start.
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if running := c.Running(); !running.Ready {
			problem.Write(w, problem.New(http.StatusServiceUnavailable, "still folding what is in the log"))
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &metrics{console: c})
	if c.Traffic != nil {
		registry.MustRegister(c.Traffic.requests)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

// metrics are the status in Prometheus's form: one source for both.
type metrics struct{ console *Console }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tillstream_"+name, help, append([]string{"store"}, labels...), nil)
}

// Describe says nothing, which makes the collector an unchecked one: its metrics
// follow from the stores that there are.
func (*metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the status anew.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	page, err := m.console.Status(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(describe("up", "whether the broker answers"), err)
		return
	}
	letters := describe("dead_letters", "messages that wait for somebody to requeue or drop them; without a store, those of none that is configured")
	out <- prometheus.MustNewConstMetric(letters, prometheus.GaugeValue, float64(page.StrayDeadLetters), "")
	if page.Evidence != nil {
		signed := describe("log_signed_position", "newest position of a log that is covered by a signed tree head; without a store", "log")
		contradicted := describe("log_contradicted", "whether a log is not what was signed, or cannot be signed; without a store", "log")
		for _, l := range page.Evidence.Logs {
			bad := 0.0
			if l.Problem != "" {
				bad = 1
			}
			out <- prometheus.MustNewConstMetric(signed, prometheus.GaugeValue, float64(l.Signed), "", l.Log)
			out <- prometheus.MustNewConstMetric(contradicted, prometheus.GaugeValue, bad, "", l.Log)
		}
	}
	if page.Index != nil {
		lag := describe("search_index_lag_messages", "messages of the logs that are folded and not in the search index; without a store")
		out <- prometheus.MustNewConstMetric(lag, prometheus.GaugeValue, float64(page.Index.Lag), "")
		size := describe("search_index_bytes", "size of the search index; without a store")
		out <- prometheus.MustNewConstMetric(size, prometheus.GaugeValue, float64(page.Index.Bytes), "")
	}
	for _, s := range page.Stores {
		store := string(s.Store)
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{store}, labels...)...)
		}
		count := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, append([]string{store}, labels...)...)
		}
		gauge(describe("log_position", "newest position of the POS log"), float64(s.Log.LastPosition))
		gauge(describe("projection_lag_events", "events that are not folded yet"), float64(s.Projection.Lag))
		events := describe("events_total", "events by what became of them", "outcome")
		count(events, float64(s.Projection.Tally.Folded), "folded")
		count(events, float64(s.Projection.Tally.Superseded), "superseded")
		count(events, float64(s.Projection.Tally.Duplicate), "duplicate")
		products := describe("products", "products by where they stand", "state")
		gauge(products, float64(s.Publishing.Pending), "pending")
		gauge(products, float64(s.Publishing.Confirmed), "confirmed")
		gauge(products, float64(s.Publishing.Refused-s.Publishing.Broken), "refused")
		gauge(products, float64(s.Publishing.Broken), "broken")
		gauge(products, float64(s.Publishing.Unlinked), "unlinked")
		gauge(products, float64(s.Publishing.Quarantined), "quarantined")
		gauge(products, float64(s.Publishing.Held), "held")
		gauge(products, float64(s.Publishing.Discarded), "discarded")
		count(describe("bigcommerce_requests_total", "requests sent to BigCommerce since the start"), float64(s.Publishing.Requests))
		count(describe("bigcommerce_throttled_total", "requests that BigCommerce answered with 429 since the start"), float64(s.Publishing.Throttled))
		for _, src := range s.Sources {
			last := describe("source_last_event_seconds", "when the log got the newest event of a source, in seconds since 1970", "source")
			gauge(last, float64(src.RecordedAt.Unix()), string(src.Source))
			silent := 0.0
			if src.Silent {
				silent = 1
			}
			gauge(describe("source_silent", "whether a source is silent that should speak", "source"), silent, string(src.Source))
		}
		if a := s.Account; a != nil {
			count(describe("pos_requests_total", "requests sent to the POS since the start"), float64(a.Requests))
			count(describe("pos_throttled_total", "requests that the POS answered with 429 since the start"), float64(a.Throttled))
			gauge(describe("pos_last_read_seconds", "when the POS was last read whole, in seconds since 1970"), float64(max(a.LastRead.Unix(), 0)))
			gauge(describe("pos_records_refused", "records of the POS that cannot be used as they are"), float64(a.Refused))
			hooks := describe("pos_webhooks_total", "webhooks of the POS by what became of them", "outcome")
			count(hooks, float64(a.Webhooks.Recorded), "recorded")
			count(hooks, float64(a.Webhooks.Duplicate), "duplicate")
			count(hooks, float64(a.Webhooks.Hints), "hint")
			count(hooks, float64(a.Webhooks.Other), "other")
			count(hooks, float64(a.Webhooks.Refused), "refused")
		}
		if e := s.Publishing.Efficiency; e != nil {
			count(describe("bigcommerce_requests_needed_total", "the fewest requests that what BigCommerce took since the start needs"), float64(e.Bound))
			gauge(describe("bigcommerce_quota_share", "part of the last whole quota window that was used", "by"), e.QuotaShare, "us")
			gauge(describe("bigcommerce_quota_share", "part of the last whole quota window that was used", "by"), e.OthersShare, "others")
			gauge(describe("drain_seconds", "how long what waits takes at the present quota"), e.DrainSeconds)
		}
		gauge(letters, float64(s.DeadLetters))
	}
}
