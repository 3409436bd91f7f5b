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

func (m meta) more() bool { return m.Pagination.CurrentPage < m.Pagination.TotalPages }

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
	case status >= 300:
		// An error's body only explains; one that is cut off or too long explains less.
		o.body = body[:min(int64(len(body)), bound)]
		return r, call.fail(o)
	case err != nil:
		o.cause = fmt.Errorf("reading the reply: %w", err)
	case int64(len(body)) > bound:
		o.cause = fmt.Errorf("the reply is longer than %d bytes: ask for less", bound)
	case status == http.StatusNoContent || len(bytes.TrimSpace(body)) == 0 && call.method == http.MethodDelete:
		return r, nil
	default:
		if err := json.Unmarshal(body, &r); err != nil {
			o.cause = fmt.Errorf("decoding the reply: %w", err)
		} else if status != http.StatusMultiStatus {
			return r, nil
		} else {
			o.body = r.Errors
		}
	}
	return r, call.fail(o)
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

// unreadable says that the reply was cut off or is not JSON, rather than JSON of another shape than expected.
func unreadable(err error) bool {
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	return !shape
}
