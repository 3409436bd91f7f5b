package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// noIndex is the setting that wants no search index.
const noIndex = "off"

// indexFile is where the search index lies, and empty for none.
func (c *Config) indexFile() string {
	switch c.Index {
	case noIndex:
		return ""
	case "":
		return filepath.Join(c.Data, "index", "search.db")
	}
	return c.Index
}

// renewIndex makes the search index anew, or says what it is.
func (e *engine) renewIndex(ctx context.Context, dry bool, tell func(console.RebuildProgress)) (console.RebuildReport, error) {
	if e.index == nil {
		return console.RebuildReport{}, problem.New(http.StatusConflict, "this process has no search index").
			WithHint("set no " + envPrefix + "INDEX=" + noIndex + ", and take the role " + roleConsole)
	}
	var made search.Renewal
	var err error
	if dry {
		made, err = e.index.Sum(ctx) // which says what the present one is
		made.Position, made.Events, made.Products = e.catalog.Position(), e.catalog.Position()+e.publications.Position(), 0
		for _, store := range e.catalog.Stores() {
			made.Products += e.catalog.Size(store) - e.catalog.Vacant(store)
		}
	} else {
		made, err = e.index.Renew(ctx, tellIndexing(tell))
	}
	if err != nil {
		return console.RebuildReport{}, fmt.Errorf("the search index: %w", err)
	}
	return console.RebuildReport{Index: &made, Position: made.Position, Products: made.Products, Seconds: made.Seconds}, nil
}

// tellIndexing tells how far a new search index is.
func tellIndexing(tell func(console.RebuildProgress)) func(index.Progress) {
	return func(p index.Progress) {
		tell(console.RebuildProgress{Phase: "indexing", Position: p.Position, Of: p.Of, Products: p.Products, OfProducts: p.OfProducts})
	}
}

// reindex makes the search index anew after the product states were. What fails is told
// with what came of it: the states do not depend on it.
func reindex(ctx context.Context, h *index.Handler, tell func(console.RebuildProgress)) *search.Renewal {
	made, err := h.Renew(ctx, tellIndexing(tell))
	if err != nil {
		made = search.Renewal{File: h.Path, Problem: err.Error()}
	}
	return &made
}

// reindexAlone does so while no engine is at work.
func (a *app) reindexAlone(ctx context.Context, epoch uint64, catalog *projections.Catalog, publications *projections.Publications, tell func(console.RebuildProgress)) *search.Renewal {
	file := a.cfg.indexFile()
	if file == "" {
		return nil
	}
	h := index.New(file, search.Source{Catalog: catalog, Publications: publications}, a.conn, func() uint64 { return epoch })
	h.Own = a.cfg.Index == ""
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { h.Run(working); close(ended) }()
	defer func() { stop(); <-ended }()
	return reindex(ctx, h, tell)
}
