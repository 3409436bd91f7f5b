package simulator

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
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
		stream(w, answer.stream)
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

// stream sends what it reads as it reads it.
func stream(w http.ResponseWriter, from io.Reader) {
	if local, ok := w.(*replyWriter); ok {
		local.stream = from // read by the client itself
		return
	}
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if _, gone := w.Write(piece[:n]); gone != nil || err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		http.NewResponseController(w).Flush()
	}
}
