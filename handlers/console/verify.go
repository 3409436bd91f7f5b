package console

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/problem"
)

// VerifyOrder says what is to be verified.
type VerifyOrder struct {
	Checks []string `json:"checks,omitempty" doc:"names of checks; empty is all"`
	Keys   []string `json:"keys,omitempty" maxItems:"100" doc:"public keys whose signatures count, besides the installation's own"`
	Heads  []string `json:"heads,omitempty" maxItems:"2000" doc:"signed tree heads from outside, that the logs have to continue"`
	Sample int      `json:"sample,omitempty" minimum:"0" maximum:"100000" doc:"products of each store to compare with BigCommerce"`
}

// Wants reports whether a check is to be made.
func (o *VerifyOrder) Wants(code audit.Code) bool {
	return len(o.Checks) == 0 || slices.Contains(o.Checks, string(code))
}

// VerifyLine is one thing that is found, or how far the reading is.
type VerifyLine struct {
	Result   *audit.Result   `json:"result,omitempty"`
	Progress *audit.Progress `json:"progress,omitempty"`
}

// VerifyEnd is the last line of a verification that came to its end.
type VerifyEnd struct {
	Summary *VerifySummary `json:"summary"`
}

// VerifySummary counts results.
type VerifySummary struct {
	Passed  int `json:"passed"`
	Warned  int `json:"warned"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

// Count takes a result.
func (s *VerifySummary) Count(state audit.State) {
	switch state {
	case audit.Pass:
		s.Passed++
	case audit.Warn:
		s.Warned++
	case audit.Fail:
		s.Failed++
	default:
		s.Skipped++
	}
}

// maxOrder bounds the body of an order: two thousand heads take a third of it.
const maxOrder = 2 << 20

func (c *Console) mountVerify(api huma.API) {
	op := operation(http.MethodPost, "/v1/verify", "Whether the installation is what it says it is")
	op.Description = `Reads both logs whole and makes checks of them, changing nothing; one verification runs at a time. The answer has JSON lines: results as they are found, how far the reading is, and last the summary, or the problem for which it broke off. A check that was skipped says nothing: it is not passed.`
	op.MaxBodyBytes = maxOrder
	op.Responses = map[string]*huma.Response{"200": {Description: "JSON lines", Content: map[string]*huma.MediaType{
		ndjson: {Schema: &huma.Schema{OneOf: []*huma.Schema{schemaOf[VerifyLine](api), schemaOf[VerifyEnd](api), schemaOf[LastLine](api)}}},
	}}}
	huma.Register(api, op, handle(c, op, c.verify))
}

type verifyInput struct{ Body VerifyOrder }

func (c *Console) verify(ctx context.Context, in *verifyInput) (*huma.StreamResponse, error) {
	v, err := in.Body.Verifier(c.Verifier())
	if err != nil {
		return nil, err
	}
	if !c.verifying.TryLock() {
		return nil, problem.New(http.StatusConflict, "a verification is running already").WithHint("the same again when it has ended")
	}
	return c.lines("verify", func(write func(any) error) error {
		defer c.verifying.Unlock()
		return Verify(ctx, v, write)
	}), nil
}

// Verifier gives a verifier what is ordered.
func (o *VerifyOrder) Verifier(v audit.Verifier) (*audit.Verifier, error) {
	only, err := audit.ParseCodes(o.Checks)
	if err != nil {
		return nil, err
	}
	for _, text := range o.Keys {
		key, err := tree.ParseKey(text)
		if err != nil {
			return nil, problem.New(http.StatusUnprocessableEntity, err.Error())
		}
		v.Keys = append(v.Keys, key)
	}
	for _, text := range o.Heads {
		v.Heads = append(v.Heads, []byte(text))
	}
	v.Only, v.Sample = only, audit.DefaultSample
	if o.Sample > 0 {
		v.Sample = o.Sample
	}
	return &v, nil
}

// Verify runs a verification and writes its lines.
func Verify(ctx context.Context, v *audit.Verifier, write func(any) error) error {
	// Progress comes from a goroutine of its own, and only one may write at a time.
	lines := make(chan any)
	ended := make(chan error, 1)
	done := make(chan struct{})
	leave := sync.OnceFunc(func() { close(done) })
	defer leave()
	put := func(line any) bool {
		select {
		case lines <- line:
			return true
		case <-done:
			return false
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var summary VerifySummary
	v.Progress = func(p audit.Progress) { put(VerifyLine{Progress: &p}) }
	go func() {
		ended <- v.Run(ctx, func(r audit.Result) error {
			summary.Count(r.State)
			put(VerifyLine{Result: &r})
			return nil
		})
	}()
	for {
		select {
		case line := <-lines:
			if err := write(line); err != nil {
				cancel()
				leave()
				<-ended // so that the next one does not begin beside it
				return err
			}
		case err := <-ended:
			if err != nil {
				return err
			}
			return write(VerifyEnd{&summary})
		}
	}
}
