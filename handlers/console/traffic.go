package console

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Traffic counts the requests of a process by what they were answered, those that were
// refused included.
type Traffic struct{ requests *prometheus.CounterVec }

// NewTraffic returns a count of nothing.
func NewTraffic() *Traffic {
	return &Traffic{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tillstream_http_requests_total", Help: "HTTP requests by what they were answered, since the start",
	}, []string{"method", "code"})}
}

// Count counts what next answers.
func (t *Traffic) Count(next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerCounter(t.requests, next)
}
