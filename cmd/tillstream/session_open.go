package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
)

// openInProcess opens the data folder, or the broker that the settings name, for
// one command, and returns its API once everything in the log is folded. It folds;
// it pushes only for a command that needs it. The function that it returns ends
// what it began.
//
// The error is a [*streams.LockedError] when another process holds the folder.
func openInProcess(ctx context.Context, cfg Config, n need) (http.Handler, string, func() error, error) {
	roles := rolesOf(allRoles()).without(rolePoll) // a command is no reason to ask the POS
	if n != needPushes {
		roles = roles.without(rolePublish)
	}
	if _, err := readSigningKey(&cfg); errors.Is(err, fs.ErrNotExist) {
		roles = roles.without(roleAudit) // up makes a key; whoever has restored puts the old one back before
	}
	a, err := openApp(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, "", nil, err
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- a.run(working, roles) }()
	end := func() error {
		stop()
		return errors.Join(<-ended, a.close())
	}
	if err := a.waitReady(ctx, ended); err != nil {
		return nil, "", nil, errors.Join(err, end())
	}
	return a.handler(), a.token, end, nil
}

// waitReady waits until the engine at work has folded what there is. An engine
// that ends before is put back into ended for whoever waits for it.
func (a *app) waitReady(ctx context.Context, ended chan error) error {
	select {
	case <-a.readied:
		return nil
	case err := <-ended:
		ended <- nil
		if err == nil {
			err = errors.New("ended before it was ready")
		}
		return err
	case <-ctx.Done():
		return fmt.Errorf("folding what is in the log: %w", ctx.Err())
	}
}
