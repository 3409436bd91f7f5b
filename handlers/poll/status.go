package poll

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/projections"
)

// Status may be called at any time.
func (p *Poller) Status() projections.AccountStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status
	s.Requests, s.Throttled = p.Client.Requests()
	if s.Problem == "" {
		s.Problem = p.quiet
	}
	return s
}

// tell brings the status up to the progress.
func (p *Poller) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.progress
	p.status.Loading = !p.loaded()
	p.status.Products, p.status.Levels = g.feed(Products).Read, g.feed(Levels).Read
	p.status.Missed, p.status.Census = 0, time.Time{}
	for _, f := range countedFeeds {
		r := g.rotation(f)
		p.status.Missed += r.Found
		if p.status.Census.IsZero() || r.Last.Before(p.status.Census) {
			p.status.Census = r.Last
		}
	}
	p.status.Refused, p.status.LastRefused = len(g.Refused), nil
	for _, r := range g.Refused {
		if last := p.status.LastRefused; last == nil || r.At.After(last.At) || r.At.Equal(last.At) && r.ID < last.ID {
			p.status.LastRefused = &projections.AccountRefusal{List: string(r.Feed), ID: r.ID, Version: r.Version, Reason: r.Reason, At: r.At}
		}
	}
	var barred []string
	for f, why := range p.barred {
		barred = append(barred, fmt.Sprintf("%s cannot be read: %s", f, why))
	}
	slices.Sort(barred)
	p.quiet = strings.Join(barred, "; ")
	if p.quiet == "" {
		p.quiet = p.silence()
	}
}

// failed says what keeps the account from being read.
func (p *Poller) failed(err error, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	problem := fmt.Sprintf("X-Series is not read: %v; it is tried again in %v", err, pause.Round(time.Second))
	if p.status.Problem == "" {
		p.Logger.Warn("X-Series is not read", "store", p.Store, "err", err)
	}
	p.status.Problem = problem
}

func (p *Poller) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status.Problem != "" {
		p.Logger.Info("X-Series is read again", "store", p.Store)
	}
	p.status.Problem = ""
	oldest := p.Now()
	for _, f := range p.feeds() {
		if at := p.readAt[f]; at.Before(oldest) {
			oldest = at
		}
	}
	if !oldest.IsZero() {
		p.status.LastRead = oldest.UTC()
	}
}

func (p *Poller) note(s string) {
	p.Logger.Info("X-Series: "+s, "store", p.Store)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Note = s
}

// How many changes may come by polling alone, over how long, before webhooks that
// were heard of before are taken to have stopped.
const (
	fewUnheard  = 20
	soonUnheard = 15 * time.Minute
)

// heard notes a sign of a webhook.
func (p *Poller) heard() {
	p.progress.Webhook, p.unheard = p.Now().UTC(), 0
}

// counted notes what became of the events of a feed: a level that was there before
// the poll came by was brought by a webhook.
func (p *Poller) counted(f Feed, fresh, known int) {
	now := p.Now().UTC()
	if fresh > 0 {
		p.mu.Lock()
		p.status.LastChange = now
		p.mu.Unlock()
	}
	if !p.loaded() || f != Levels {
		return
	}
	if known > 0 {
		p.heard()
		return
	}
	p.unheard += fresh
}

// silence says that webhooks have stopped, or nothing.
func (p *Poller) silence() string {
	last := p.progress.Webhook
	if last.IsZero() || p.unheard < fewUnheard || p.Now().Sub(last) < soonUnheard {
		return ""
	}
	return fmt.Sprintf("webhooks have stopped: since %s, %d changes came by polling alone; see the webhooks of the app in X-Series, and whether they reach this address",
		last.Format(time.RFC3339), p.unheard)
}
