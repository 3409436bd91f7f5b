package simulator

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/tillstream/tillstream/handlers/standin"
)

// reply sends an answer as the fault lets it. A client that is gone has no use for an error.
func (s *Store) reply(w http.ResponseWriter, r *http.Request, answer response, fault Fault) {
	if answer.ctype == "" {
		answer.ctype = "application/json"
	}
	if answer.status != http.StatusNoContent {
		w.Header().Set("Content-Type", answer.ctype)
	}
	if fault.Kind == Dribble {
		answer.stream = dribble{bytes.NewReader(answer.body), max(1, fault.Size), func() bool { return s.waited(r, fault.Delay) }}
	}
	if answer.stream != nil {
		w.WriteHeader(answer.status)
		standin.Stream(w, answer.stream)
		return
	}
	if answer.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	}
	w.WriteHeader(answer.status)
	if fault.Kind == Truncate && len(answer.body) > 0 {
		w.Write(answer.body[:len(answer.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(answer.body)
}
