package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Run delivers hooks as they become due by the account's clock, until ctx ends; it returns when no call is in progress
// any more. Nothing else delivers: without Run, and without [Account.Deliver], hooks wait.
func (a *Account) Run(ctx context.Context) error {
	standin.Deliver(ctx, a.clock(), a.outbox.queue.Changed(), func() (func(context.Context), time.Time) {
		next, to, found, later := a.nextDue()
		if !found {
			return nil, later
		}
		return func(ctx context.Context) { a.call(ctx, next, to) }, time.Time{}
	})
	return nil
}

func (a *Account) clock() standin.Clock { return standin.Clock{Now: a.cfg.Now, After: a.cfg.After} }

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
func (a *Account) call(ctx context.Context, d Delivery, to hook) {
	status, err := a.clock().Within(ctx, receiverTimeout, func(ctx context.Context) (int, error) { return a.post(ctx, to, d) })
	failure := ""
	if err != nil {
		failure = err.Error()
	}
	a.settle(d, status, failure, err != nil && ctx.Err() != nil)
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
