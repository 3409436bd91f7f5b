package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// natsSchemes are those of the URLs of NATS servers.
var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// natsAccess is how to identify to the NATS servers that events are sent to.
type natsAccess struct {
	credentials, user, passwordFile, inbox string
	ca, cert, key                          string
}

func (n *natsAccess) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&n.credentials, "to-credentials", "", "of NATS: a .creds `FILE`")
	cmd.Flags().StringVar(&n.user, "to-user", "", "of NATS: the `user`")
	cmd.Flags().StringVar(&n.passwordFile, "to-password-file", "", "of NATS: `FILE` with its password ("+envPrefix+"TO_PASSWORD)")
	cmd.Flags().StringVar(&n.inbox, "to-inbox", "", "of NATS: the `prefix` of the inbox that the user may listen to, where it is not any; that of adapter-STORE is known")
	cmd.Flags().StringVar(&n.ca, "to-ca", "", "of NATS: PEM `FILE` of authorities to trust besides the system's")
	cmd.Flags().StringVar(&n.cert, "to-cert", "", "of NATS: PEM `FILE` of a client certificate")
	cmd.Flags().StringVar(&n.key, "to-key", "", "of NATS: PEM `FILE` of its key")
}

// check refuses what does not go together.
func (n *natsAccess) check(nats bool) error {
	switch {
	case !nats && *n != (natsAccess{}):
		return misuse("--to-user, --to-credentials and the like are of use with a NATS server only, such as --to nats://nats-1:4222")
	case n.credentials != "" && (n.user != "" || n.passwordFile != ""):
		return misuse("--to-credentials: user and password are set as well; set one of them")
	case (n.cert == "") != (n.key == ""):
		return misuse("--to-cert, --to-key: a client certificate needs both files")
	}
	return nil
}

// toNATS is the POS log of another installation, by way of its NATS servers.
type toNATS struct {
	conn  *streams.Conn
	store domain.StoreID
}

// toNATS connects to it.
func (r *replay) toNATS(ctx context.Context) (*toNATS, error) {
	n, password := &r.toAccess, r.getenv(envPrefix+"TO_PASSWORD")
	if n.passwordFile != "" {
		b, err := os.ReadFile(n.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("the password of the other side: %w", err)
		}
		password = strings.TrimSpace(string(b))
	}
	store := domain.StoreID(r.toStore)
	if _, err := domain.ParseStoreID(r.toStore); err != nil {
		return nil, &misuseError{fmt.Errorf("--to-store: %w", err)}
	}
	inbox := n.inbox
	if adapter, is := strings.CutPrefix(n.user, streams.AdapterUser("")); is && inbox == "" {
		inbox = streams.AdapterInbox(domain.StoreID(adapter))
	}
	conn, err := streams.Connect(ctx, streams.Config{
		URL: r.to, CredentialsFile: n.credentials, User: n.user, Password: password, InboxPrefix: inbox,
		TLSCA: n.ca, TLSCert: n.cert, TLSKey: n.key, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return &toNATS{conn, store}, nil
}

// newest is the newest event of the store there; empty when there is none.
func (t *toNATS) newest(ctx context.Context) (domain.EventID, error) {
	m, err := t.conn.POS().Newest(ctx, t.store)
	if errors.Is(err, domain.ErrNotFound) && !streams.Missing(err) {
		return "", nil
	}
	var rec domain.Recorded
	if err == nil {
		rec, err = m.Recorded()
	}
	if err != nil {
		return "", withHint(fmt.Errorf("how far the other side is: %w", err), "a user who may read there, or --from POSITION without --resume")
	}
	return rec.ID, nil
}

func (t *toNATS) send(ctx context.Context, lines []byte) (delivery, error) {
	var events []domain.Envelope
	for line := range bytes.Lines(lines) {
		e, _, err := domain.DecodeEnvelope(line)
		if err != nil && e.Validate() != nil { // what is wrong with its data alone makes it a dead letter there as well
			return delivery{}, fmt.Errorf("the line %s: %w", line, err)
		}
		events = append(events, e)
	}
	done, err := t.conn.POS().Forward(ctx, t.store, events)
	return delivery{sent: done.Stored, duplicates: done.Duplicates}, err
}
