package console

import (
	"context"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

// DeadLetterLine is one message that could not be used.
type DeadLetterLine struct {
	ID       domain.Position `json:"id"`
	Store    domain.StoreID  `json:"store"`
	Item     string          `json:"item"`
	Stream   string          `json:"stream"`
	Position domain.Position `json:"position"`
	Kind     streams.Kind    `json:"kind"`
	Reason   string          `json:"reason"`
	At       time.Time       `json:"at"`
	State    string          `json:"state"` // open, requeued or dropped
}

// DeadLetterPage adds the message itself, as it was published.
type DeadLetterPage struct {
	DeadLetterLine
	Subject    string              `json:"subject"`
	Headers    map[string][]string `json:"headers"`
	Data       string              `json:"data,omitempty"`
	DataBase64 []byte              `json:"data_base64,omitempty"` // instead of data when it is not UTF-8
	Why        string              `json:"why,omitempty"`         // it was requeued or dropped
}

func (c *Console) mountDeadLetters(api huma.API) {
	register(c, api, http.MethodGet, "/v1/deadletters", "List messages that could not be used", c.listDeadLetters)
	register(c, api, http.MethodGet, "/v1/deadletters/{id}", "Show one such message as it was published", c.showDeadLetter)
	register(c, api, http.MethodPost, "/v1/deadletters/{id}/requeue", "Append the message again, once its cause is mended", c.requeue)
	register(c, api, http.MethodPost, "/v1/deadletters/{id}/drop", "Decide that the message stays unused", c.drop)
}

type deadLettersInput struct {
	Store string `query:"store"`
	All   bool   `query:"all" doc:"resolved ones too"`
}

type deadLetterList struct {
	DeadLetters []DeadLetterLine `json:"deadletters"`
}

func (c *Console) listDeadLetters(ctx context.Context, in *deadLettersInput) (*body[deadLetterList], error) {
	letters, err := c.DeadLetters.List(ctx, domain.StoreID(in.Store), !in.All)
	if err != nil {
		return nil, err
	}
	out := deadLetterList{DeadLetters: make([]DeadLetterLine, len(letters))}
	for i, l := range letters {
		out.DeadLetters[i] = deadLetterLine(l)
	}
	return &body[deadLetterList]{out}, nil
}

func deadLetterLine(l streams.Letter) DeadLetterLine {
	line := DeadLetterLine{
		ID: l.ID, Store: l.Original.Store, Item: l.Original.Key, Stream: l.Original.Stream, Position: l.Original.Position,
		Kind: l.Kind, Reason: l.Reason, At: l.At, State: string(l.Resolution),
	}
	if l.Resolution == streams.Open {
		line.State = "open"
	}
	return line
}

// DeadLetterInput names one dead letter.
type DeadLetterInput struct {
	ID uint64 `path:"id"`
}

func (c *Console) showDeadLetter(ctx context.Context, in *DeadLetterInput) (*body[DeadLetterPage], error) {
	l, err := c.DeadLetters.Get(ctx, domain.Position(in.ID))
	if err != nil {
		return nil, err
	}
	page := DeadLetterPage{DeadLetterLine: deadLetterLine(l), Subject: l.Original.Subject, Headers: l.Original.Header, Why: l.Why}
	if utf8.Valid(l.Original.Data) {
		page.Data = string(l.Original.Data)
	} else {
		page.DataBase64 = l.Original.Data
	}
	return &body[DeadLetterPage]{page}, nil
}

// RequeueInput names one that is to be resolved.
type RequeueInput struct {
	DeadLetterInput
	DryRun bool `query:"dry_run"`
}

type requeued struct {
	ID       domain.Position `json:"id"`
	Position domain.Position `json:"position,omitempty"` // where the message is now; absent in a dry run
}

func (c *Console) requeue(ctx context.Context, in *RequeueInput) (*body[requeued], error) {
	id := domain.Position(in.ID)
	if in.DryRun {
		_, err := c.Project.Requeueable(ctx, id)
		return &body[requeued]{requeued{ID: id}}, err
	}
	position, err := c.Project.Requeue(ctx, id)
	if err != nil {
		return nil, err
	}
	return &body[requeued]{requeued{id, position}}, nil
}

type dropInput struct {
	RequeueInput
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"why, for whoever asks later"`
	}
}

func (c *Console) drop(ctx context.Context, in *dropInput) (*body[requeued], error) {
	id := domain.Position(in.ID)
	if in.DryRun {
		return &body[requeued]{requeued{ID: id}}, c.isOpen(ctx, id)
	}
	if err := c.Project.Drop(ctx, id, in.Body.Reason); err != nil {
		return nil, err
	}
	return &body[requeued]{requeued{ID: id}}, nil
}

func (c *Console) isOpen(ctx context.Context, id domain.Position) error {
	l, err := c.DeadLetters.Get(ctx, id)
	if err != nil {
		return err
	}
	if l.Resolution != streams.Open {
		return problem.Newf(http.StatusConflict, "dead letter %d is already %s", id, l.Resolution)
	}
	return nil
}
