package project_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// TestSyncFollower: of all who follow, the one that stores keeps the states and what their
// trails have let go of. Another has neither to store, however long it follows.
func TestSyncFollower(t *testing.T) {
	t.Parallel()
	for name, stores := range map[string]bool{"stores": true, "follows only": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := streamstest.Start(t)
			bucket := conn.Publications().Snapshots()
			pubs, err := projections.OpenPublications(t.Context(), bucket, conn.Sync().Events(), nil)
			if err != nil {
				t.Fatal(err)
			}
			last := linkedOften(t, conn, 200)
			follower := project.NewSyncFollower(conn.Sync(), pubs)
			follower.Store = stores
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- follower.Run(ctx) }()
			if err := pubs.Await(t.Context(), last); err != nil {
				t.Error(err)
			}
			end()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			_, gone, valid := pubs.Publication("demo", "i-1").Trail.Positions()
			if !valid || gone < 2 {
				t.Fatalf("%d stretches, valid: %v: too few for this test", gone, valid)
			}
			if found := stretchesIn(t, bucket); stores && found != gone || !stores && found != 0 {
				t.Errorf("%d stretches are stored, of %d", found, gone)
			}
			// What it has forgotten, it does not store later either.
			if err := pubs.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if found := stretchesIn(t, bucket); stores && found != gone || !stores && found != 0 {
				t.Errorf("%d stretches are stored behind the end, of %d", found, gone)
			}
		})
	}
}

// linkedOften records that a product is linked so many times, and returns the last position.
func linkedOften(t *testing.T, conn *streams.Conn, times int) domain.Position {
	t.Helper()
	var group []domain.Envelope
	for i := range times {
		event := &domain.ProductLinked{Product: "i-1", By: domain.LinkedByOperator, Link: domain.Link{BigCommerceID: int64(i + 1), Variants: []domain.VariantLink{}}}
		data, err := domain.EncodeEvent(event)
		if err != nil {
			t.Fatal(err)
		}
		group = append(group, domain.Envelope{
			ID: domain.EventID(fmt.Sprintf("link-%d", i)), Source: "/test", Type: event.Type(), Subject: event.Subject(),
			Time: time.Date(2026, 11, 1, 12, 0, i, 0, time.UTC), Data: data,
		})
	}
	appended, err := conn.Sync().Append(t.Context(), "demo", group)
	if err != nil {
		t.Fatal(err)
	}
	return appended[len(appended)-1].Position
}

func stretchesIn(t *testing.T, bucket projections.Bucket) (n uint64) {
	t.Helper()
	err := bucket.Scan(t.Context(), "", 0, func(e domain.Entry) error {
		if e.Key.Stretch > 0 {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
