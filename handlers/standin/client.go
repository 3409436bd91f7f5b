package standin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
)

// Client returns an HTTP client that calls a handler without a network, whatever host it names, so that a test can run
// in a bubble of fake time. A connection that the handler aborts shows as it does on a network: as an error of the
// request, or of reading the body of a reply that was flushed. There is no connection and no goroutine behind it.
func Client(h http.Handler) *http.Client { return &http.Client{Transport: transport{h}} }

type transport struct{ handler http.Handler }

var errClosed = errors.New("connection closed by the server")

func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := &replyWriter{header: http.Header{}, trace: httptrace.ContextClientTrace(r.Context())}
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case cause != http.ErrAbortHandler:
			panic(cause)
		case r.Context().Err() != nil:
			response, err = nil, r.Context().Err()
		case w.unreached:
			response, err = nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		case !w.flushed:
			response, err = nil, errClosed
		default:
			response, err = w.response(r, io.MultiReader(bytes.NewReader(w.body.Bytes()), cutOff{})), nil
		}
	}()
	t.handler.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.stream != nil {
		return w.response(r, w.stream), nil
	}
	return w.response(r, bytes.NewReader(w.body.Bytes())), nil
}

// replyWriter keeps a reply.
type replyWriter struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	stream  io.Reader // instead of body
	flushed bool

	trace     *httptrace.ClientTrace
	unreached bool // no connection came about
}

// Reach has a request of [Client] come about as one that there was a connection for, or none. Of a request that came
// over a network it changes nothing.
func Reach(w http.ResponseWriter, reached bool) {
	local, ok := w.(*replyWriter)
	if !ok {
		return
	}
	local.unreached = !reached
	if reached && local.trace != nil && local.trace.WroteHeaders != nil {
		local.trace.WroteHeaders()
	}
}

// Stream answers with what it reads, piece by piece as it is read. One of [Client] reads it itself, after the handler
// has returned.
func Stream(w http.ResponseWriter, from io.Reader) {
	if local, ok := w.(*replyWriter); ok {
		local.stream = from
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
		// Not every writer can; then the pieces come together.
		_ = http.NewResponseController(w).Flush()
	}
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

// Flush says that what was written has left.
func (w *replyWriter) Flush() { w.flushed = true }

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
