package bigcommerce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"unicode/utf8"
)

const (
	maxReply      = 32 << 20 // bytes of a reply after decompression; a page of 250 products with variants stays far below
	maxErrorReply = 64 << 10
)

// call is one request to be made.
type call struct {
	op     string
	method string
	path   string
	query  url.Values
	ids    []int64
	body   any // nil for none
	lane   Lane
}

func (c call) write() bool { return c.method != http.MethodGet }

// refuse returns the error of a call that is wrong before anything is sent.
func (c call) refuse(format string, args ...any) *Error {
	return c.fail(outcome{refused: true, cause: fmt.Errorf(format, args...)})
}

func (c call) fail(o outcome) *Error {
	e := &Error{Op: c.op, Method: c.method, Path: c.path, IDs: c.ids}
	o.write = c.write()
	o.judge(e)
	return e
}

// reply is the envelope of every v3 answer. Meta and Errors are kept raw where one odd shape must not spoil the data.
type reply[T any] struct {
	Data   T               `json:"data"`
	Meta   meta            `json:"meta"`
	Errors json.RawMessage `json:"errors"`
}

type meta struct {
	Pagination struct {
		CurrentPage int `json:"current_page"`
		TotalPages  int `json:"total_pages"`
	} `json:"pagination"`
}

// more reports whether there is a page after one that had so many entries. It does not go by what the reply says of
// itself alone, lest one that says the same for ever be read for ever.
func (m meta) more(page, entries int) bool { return entries > 0 && page < m.Pagination.TotalPages }

// do makes the call and decodes the reply. For a 207 both the data and an error are returned.
func do[T any](ctx context.Context, c *Client, call call) (reply[T], error) {
	r, err := exchange[T](ctx, c, call)
	if err != nil {
		return r, err
	}
	return r, nil
}

// exchange returns a typed error so that a nil one is not mistaken for a failure; [do] converts.
func exchange[T any](ctx context.Context, c *Client, call call) (r reply[T], failure *Error) {
	request, err := c.request(call)
	if err != nil {
		return r, call.refuse("%w", err)
	}
	permit, err := c.quota.claim(ctx, call.lane)
	if err != nil {
		return r, call.fail(outcome{cause: err})
	}
	permit.sending()
	start := c.now()
	status := 0
	defer func() {
		seen := Request{Op: call.op, Method: call.method, Path: call.path, IDs: call.ids, Status: status, Start: start, Elapsed: c.now().Sub(start)}
		if failure != nil {
			seen.Err = failure
		}
		c.observe(seen)
	}()

	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var sent atomic.Bool // read after Do, whose writing goroutine may outlive it
	limited = httptrace.WithClientTrace(limited, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	response, err := c.http.Do(request.WithContext(limited))
	if err != nil {
		permit.abandon()
		return r, call.fail(outcome{cause: err, sent: sent.Load(), now: start})
	}
	defer response.Body.Close()
	status = response.StatusCode

	bound := int64(maxErrorReply)
	if status < 300 {
		bound = maxReply
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, bound+1))
	o := outcome{sent: true, status: status, header: response.Header, now: c.now()}
	o.notBefore = permit.settle(call.op, status, response.Header)
	switch {
	case status >= 300 && status < 400:
		o.cause = elsewhere(response)
		return r, call.fail(o)
	case status >= 400:
		// An error's body only explains; one that is cut off or too long explains less.
		o.body = body[:min(int64(len(body)), bound)]
		return r, call.fail(o)
	case err != nil:
		o.cause = fmt.Errorf("reading the reply: %w", err)
	case int64(len(body)) > bound:
		o.cause = fmt.Errorf("the reply is longer than %d bytes: ask for less", bound)
	case !wanted[T]() && (status == http.StatusNoContent || len(bytes.TrimSpace(body)) == 0):
		return r, nil
	default:
		if r, err = decode[T](body); err != nil {
			o.cause = err
		} else if status != http.StatusMultiStatus {
			return r, nil
		} else {
			o.body = r.Errors
		}
	}
	return r, call.fail(o)
}

// wanted reports whether a reply without data is of no use. What the gateway in front of a store answers in its place,
// such as {}, must not pass for a store that has nothing, or for a product without a name.
func wanted[T any]() bool {
	switch any((*T)(nil)).(type) {
	case *any, *json.RawMessage:
		return false
	}
	return true
}

// decode reads a reply. One that is not UTF-8 is refused: encoding/json would replace what it cannot read, and names,
// SKUs and options would be taken for others.
func decode[T any](body []byte) (r reply[T], err error) {
	if !utf8.Valid(body) {
		return r, errors.New("decoding the reply: it is not UTF-8")
	}
	var wire reply[*T]
	if err := json.Unmarshal(body, &wire); err != nil {
		return r, fmt.Errorf("decoding the reply: %w", err)
	}
	r.Meta, r.Errors = wire.Meta, wire.Errors
	if wire.Data != nil {
		r.Data = *wire.Data
	} else if wanted[T]() {
		return r, errors.New("decoding the reply: it has no data")
	}
	return r, nil
}

// unexpected is the error of a reply that is about something else than was asked for.
func (c call) unexpected(format string, args ...any) *Error {
	return c.fail(outcome{sent: true, status: http.StatusOK, cause: fmt.Errorf("the reply "+format, args...)})
}

func (c *Client) request(call call) (*http.Request, error) {
	target := c.base.JoinPath(call.path)
	target.RawQuery = call.query.Encode()
	var body io.Reader
	if call.body != nil {
		encoded, err := json.Marshal(call.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the body: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(call.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	c.authorize(request.Header)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// elsewhere says where a reply redirects to. It is not followed.
func elsewhere(response *http.Response) error {
	to, err := response.Location()
	if err != nil {
		return errors.New("the reply redirects: check the address of the API")
	}
	return fmt.Errorf("the reply redirects to %s, where the token is not sent: check the address of the API", bounded(to.Host))
}

// unreadable says that the reply was cut off or is not JSON, rather than JSON of another shape than expected.
func unreadable(err error) bool {
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	return !shape
}
