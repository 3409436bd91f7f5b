package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// mostCalls bounds how many receivers are called at a time.
const mostCalls = 32

// Run delivers hooks as they become due by the account's clock, until ctx ends; it returns when no call is in progress
// any more. Nothing else delivers: without Run, and without [Account.Deliver], hooks wait.
func (a *Account) Run(ctx context.Context) error {
	var calling sync.WaitGroup
	defer calling.Wait()
	slots := make(chan struct{}, mostCalls)
	for ctx.Err() == nil {
		next, to, found, later := a.nextDue()
		if found {
			slots <- struct{}{} // a call ends by its timeout at the latest
			calling.Go(func() {
				defer func() { <-slots }()
				a.call(ctx, next, to)
			})
			continue
		}
		var timer <-chan time.Time
		if !later.IsZero() {
			timer = a.cfg.After(later.Sub(a.cfg.Now()))
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case <-a.outbox.changed:
		}
	}
	return nil
}

// Deliver delivers the hooks that are due by the account's clock, one after the other, and returns how many calls it
// made. A test with a clock of its own moves it to [Account.NextDelivery] before.
func (a *Account) Deliver(ctx context.Context) int {
	for n := 0; ctx.Err() == nil; n++ {
		next, to, found, _ := a.nextDue()
		if !found {
			return n
		}
		a.call(ctx, next, to)
	}
	return 0
}

// call makes one try.
func (a *Account) call(ctx context.Context, d due, to hook) {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		status int
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		status, err := a.post(within, to, d.Delivery)
		done <- outcome{status, err}
	}()
	var end outcome
	select {
	case end = <-done:
	case <-a.cfg.After(receiverTimeout):
		cancel()
		end = <-done
		if end.err != nil {
			end = outcome{0, errors.New("no answer in time")}
		}
	}
	failure := ""
	if end.err != nil {
		failure = end.err.Error()
	}
	a.settle(d, end.status, failure, end.err != nil && ctx.Err() != nil)
}

// post sends one hook and returns an error unless the receiver acknowledged it with 2xx.
func (a *Account) post(ctx context.Context, to hook, d Delivery) (int, error) {
	body := a.form(d)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "xseries-simulator")
	if signature := a.signature(body, d.ID); signature != "" && !to.byHand {
		r.Header.Set("X-Signature", signature)
	}
	answer, err := a.cfg.HookClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection is used again; what it says is nobody's business
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return answer.StatusCode, fmt.Errorf("the receiver answered %s", answer.Status)
	}
	return answer.StatusCode, nil
}

// signature is over the raw bytes of the form, with the app's secret. A space after the comma was seen, so some have one.
func (a *Account) signature(body []byte, id string) string {
	a.mu.Lock()
	how := a.cfg.HookSignature
	spaced := a.odd(id)
	a.mu.Unlock()
	mac := hmac.New(sha256.New, []byte(a.cfg.ClientSecret))
	mac.Write(body)
	var value string
	switch how {
	case "none":
		return ""
	case "base64":
		value = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	default:
		value = hex.EncodeToString(mac.Sum(nil))
	}
	if spaced {
		return "signature=" + value + ", algorithm=HMAC-SHA256"
	}
	return "signature=" + value + ",algorithm=HMAC-SHA256"
}
