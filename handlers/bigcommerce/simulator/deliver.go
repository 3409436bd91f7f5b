package simulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Run delivers the events of the webhooks as they become due by the store's clock, until ctx ends; it returns when no
// call is in progress any more. Nothing else delivers: without Run, and without [Store.Deliver], events wait.
func (s *Store) Run(ctx context.Context) error {
	standin.Deliver(ctx, s.clock(), s.outbox.queue.Changed(), func() (func(context.Context), time.Time) {
		next, found, later := s.nextDue()
		s.tell()
		if !found {
			return nil, later
		}
		return func(ctx context.Context) { s.call(ctx, next) }, time.Time{}
	})
	return nil
}

func (s *Store) clock() standin.Clock { return standin.Clock{Now: s.cfg.Now, After: s.cfg.After} }

// Deliver delivers the events that are due by the store's clock, one after the other, and returns how many calls it
// made. A test with a clock of its own moves it to [Store.NextDelivery] before.
func (s *Store) Deliver(ctx context.Context) int {
	defer s.tell()
	for n := 0; ; n++ {
		next, found, _ := s.nextDue()
		if !found || ctx.Err() != nil {
			return n
		}
		s.call(ctx, next)
	}
}

// call makes one try. One that ctx cut short is no try, and is due again.
func (s *Store) call(ctx context.Context, d Delivery) {
	h, ok := s.hookOf(d)
	if !ok {
		return
	}
	d.At = s.cfg.Now()
	status, err := s.clock().Within(ctx, s.real(receiverTimeout), func(ctx context.Context) (int, error) { return s.post(ctx, h, d) })
	switch {
	case err != nil && ctx.Err() != nil:
		s.putBack(d)
	case err != nil:
		s.settle(d, status, err.Error())
	default:
		s.settle(d, status, "")
	}
}

func (s *Store) hookOf(d Delivery) (hook, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hooks[d.Hook]
	if h == nil {
		return hook{}, false
	}
	return *h, true
}

func (s *Store) putBack(d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Try--
	d.At = time.Time{}
	s.outbox.queue.Push(d, s.cfg.Now())
}

// post sends one event, signed, with the headers that the client asked for, and returns an error unless the receiver
// acknowledged it.
func (s *Store) post(ctx context.Context, h hook, d Delivery) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Destination, bytes.NewReader(d.Body))
	if err != nil {
		return 0, err
	}
	for name, value := range h.Headers {
		r.Header.Set(name, value)
	}
	signer, err := standardwebhooks.NewWebhookRaw(h.secret)
	if err != nil {
		return 0, err
	}
	signature, err := signer.Sign(d.Hash, d.At, d.Body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "pekko-http/1.3.0")
	r.Header.Set(standardwebhooks.HeaderWebhookID, d.Hash)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(d.At.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	answer, err := s.cfg.WebhookClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection is used again; what it says is nobody's business
	return answer.StatusCode, acknowledged(answer)
}

// acknowledged returns why a reply is none that counts: BigCommerce bounds its headers too.
func acknowledged(answer *http.Response) error {
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the receiver answered %s", answer.Status)
	}
	headers := 0
	for name, values := range answer.Header {
		for _, value := range values {
			headers++
			if len(name) > 64 || len(value) > 8<<10 {
				return fmt.Errorf("the receiver's header %.64s is too long", name)
			}
		}
	}
	if headers > 64 {
		return fmt.Errorf("the receiver answered with %d headers, more than 64", headers)
	}
	return nil
}
