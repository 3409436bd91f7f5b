package problem

import "net/http"

// Routes serves mux, and answers as a problem what mux has no route for, which mux
// itself answers as plain text.
func Routes(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			w = &unrouted{ResponseWriter: w, request: r}
		}
		mux.ServeHTTP(w, r)
	})
}

// unrouted puts a problem in the place of an answer that there is no route.
type unrouted struct {
	http.ResponseWriter
	request *http.Request
	told    bool
}

func (u *unrouted) WriteHeader(status int) {
	var d *Details
	switch status {
	case http.StatusNotFound:
		d = Newf(status, "there is nothing at %s", u.request.URL.Path)
	case http.StatusMethodNotAllowed:
		d = Newf(status, "%s is not possible at %s, only %s", u.request.Method, u.request.URL.Path, u.Header().Get("Allow"))
	default: // a redirect to the clean path
		u.ResponseWriter.WriteHeader(status)
		return
	}
	u.told = true
	Write(u.ResponseWriter, d.WithHint("/openapi.json describes what there is"))
}

func (u *unrouted) Write(b []byte) (int, error) {
	if u.told {
		return len(b), nil
	}
	return u.ResponseWriter.Write(b)
}
