package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
)

// client talks to a program over its HTTP API. What the API refuses is returned
// as [*problem.Details].
type client struct {
	base  string
	token Secret
	http  *http.Client
	own   bool // the program is in this process, and ends with the command
}

// newClient returns a client of the program at base. Requests take as long as
// their context allows: imports and pushes may be long.
func newClient(base string, token Secret) *client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	return &client{base: base, token: token, http: &http.Client{Transport: transport}}
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	kind         string // media type of the body
	body         io.Reader
}

// endpoint joins path elements, each escaped: also those that would say where in a path to
// go on.
func endpoint(elements ...string) string {
	for i, element := range elements {
		switch element {
		case ".", "..":
			elements[i] = strings.ReplaceAll(element, ".", "%2E")
		default:
			elements[i] = url.PathEscape(element)
		}
	}
	return "/" + strings.Join(elements, "/")
}

// send returns the answer to a call when it is one of success.
func (c *client) send(ctx context.Context, to call) (*http.Response, error) {
	where := c.base + to.path
	if len(to.query) > 0 {
		where += "?" + to.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, to.method, where, to.body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	if to.kind != "" {
		r.Header.Set("Content-Type", to.kind)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		return nil, refusal(answer)
	}
	return answer, nil
}

func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the URL, which is told
	}
	return withHint(fmt.Errorf("tillstream at %s does not answer: %w", c.base, err), "tillstream up, or another --server or --data")
}

// mostOfProblem bounds what is read of an answer that is no success.
const mostOfProblem = 1 << 20

// refusal reads why a call was refused.
func refusal(answer *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(answer.Body, mostOfProblem))
	if err != nil {
		return fmt.Errorf("reading why the request was refused (%s): %w", answer.Status, err)
	}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	d := &problem.Details{}
	if kind == problem.ContentType && json.Unmarshal(b, d) == nil && d.Detail != "" {
		d.Status = answer.StatusCode
		// A question is all in its address, and so in the command line.
		if answer.Request.Method == http.MethodGet && d.Status == http.StatusUnprocessableEntity {
			return &misuseError{inFull(d)}
		}
		return inFull(d)
	}
	return withHint(fmt.Errorf("%s %s: answered %s, and not as tillstream does", answer.Request.Method, answer.Request.URL.Redacted(), answer.Status),
		"check with --server that the address is tillstream's")
}

// aboutItem adds to the refusal of an ITEM that names nothing where to look.
func aboutItem(err error) error {
	return whenMissing(err, "tillstream products lists what there is, tillstream status the stores")
}

// whenMissing adds a hint to the refusal of what is not there.
func whenMissing(err error, hint string) error {
	var d *problem.Details
	if errors.As(err, &d) && d.Status == http.StatusNotFound && d.Hint == "" {
		return withHint(err, hint)
	}
	return err
}

// inFull puts into the sentence of a problem what it only says field by field.
func inFull(d *problem.Details) *problem.Details {
	for _, f := range d.Errors {
		if f.Message != "" && !strings.Contains(d.Detail, f.Message) {
			d.Detail += fmt.Sprintf("; %s: %s", f.Location, f.Message)
		}
	}
	return d
}

// get reads one JSON document.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.exchange(ctx, http.MethodGet, path, query, nil, into)
}

// exchange sends one JSON document, or none when it is nil, and reads the one that
// answers.
func (c *client) exchange(ctx context.Context, method, path string, query url.Values, send, into any) error {
	to := call{method: method, path: path, query: query}
	if send != nil {
		b, err := json.Marshal(send)
		if err != nil {
			return err
		}
		to.body, to.kind = bytes.NewReader(b), "application/json"
	}
	answer, err := c.send(ctx, to)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// lines hands every JSON line of an answer to each, as it comes.
func (c *client) lines(ctx context.Context, to call, each func(line json.RawMessage) error) error {
	answer, err := c.send(ctx, to)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for d := json.NewDecoder(answer.Body); ; {
		var line json.RawMessage
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return withHint(fmt.Errorf("the answer was cut off: %w", err), "the same command again: what was accepted is not recorded twice")
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// told is lines of an answer that may break off: its last line then says why, and is
// returned as the error.
func (c *client) told(ctx context.Context, to call, each func(line json.RawMessage) error) error {
	return c.lines(ctx, to, func(raw json.RawMessage) error {
		if bytes.HasPrefix(raw, []byte(`{"problem"`)) {
			var last console.LastLine
			if err := json.Unmarshal(raw, &last); err == nil && last.Problem != nil {
				return inFull(last.Problem)
			}
		}
		return each(raw)
	})
}

// storeClient speaks about one store.
type storeClient struct {
	*client
	store string
}

// path is the path of something of the store.
func (c *storeClient) path(elements ...string) string {
	return endpoint(append([]string{"v1", "stores", c.store}, elements...)...)
}

// stores returns the ids of the stores that the program knows.
func (c *client) stores(ctx context.Context) ([]string, error) {
	var status struct {
		Stores []struct{ Store string }
	}
	if err := c.get(ctx, "/status.json", nil, &status); err != nil {
		return nil, err
	}
	out := make([]string, len(status.Stores))
	for i, s := range status.Stores {
		out[i] = s.Store
	}
	return out, nil
}

// dry is the query of a write.
func (c *cli) dry() url.Values {
	q := url.Values{}
	if c.dryRun {
		q.Set("dry_run", strconv.FormatBool(true))
	}
	return q
}
