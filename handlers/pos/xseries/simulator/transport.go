package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Client returns an HTTP client that calls the account without a network, whatever host it names, so that a test can run
// in a bubble of fake time. A connection that the account closes shows as an error.
func (a *Account) Client() *http.Client { return &http.Client{Transport: transport{a}} }

type transport struct{ account *Account }

var errClosed = errors.New("connection closed by the account")

func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := &replyWriter{header: http.Header{}}
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case cause != http.ErrAbortHandler:
			panic(cause)
		case r.Context().Err() != nil:
			response, err = nil, r.Context().Err()
		case w.status == 0:
			response, err = nil, errClosed
		default:
			response, err = w.response(r, io.MultiReader(&w.body, cutOff{})), nil
		}
	}()
	t.account.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.response(r, &w.body), nil
}

// replyWriter keeps a reply.
type replyWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *replyWriter) Header() http.Header { return w.header }

func (w *replyWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *replyWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *replyWriter) response(r *http.Request, body io.Reader) *http.Response {
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}
}

// cutOff is the end of a body that was cut off.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
