package sqlite

// Version is that of what the file holds and of how its rows are made. It is raised
// with every change of either; a file of another version is made anew.
const Version = 2

// applicationID marks the file as ours: "tstr".
const applicationID = 0x74737472

// schema makes an empty index. Texts are compared byte by byte, as Go does.
//
// The words of a product are in product_text under the id of its row, without the text
// itself. Its tokenizer parts them at the spaces that package search puts between them,
// and does nothing else to them.
//
// The positions of a kind lie in stretches, so that adding one costs a stretch and not
// the whole.
//
// A sheet holds copies of neighbouring messages of a log, in whatever form who writes it
// gives them.
const schema = `
CREATE TABLE standing (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL) STRICT;
CREATE TABLE product (
	id INTEGER PRIMARY KEY,
	store TEXT NOT NULL,
	product TEXT NOT NULL,
	position INTEGER NOT NULL,
	state TEXT NOT NULL,
	name TEXT NOT NULL,
	brand TEXT NOT NULL,
	stock INTEGER NOT NULL,
	low INTEGER NOT NULL,
	prices TEXT NOT NULL,
	words TEXT NOT NULL,
	UNIQUE (store, product)
) STRICT;
CREATE INDEX product_state ON product (store, state, product);
CREATE INDEX product_stock ON product (store, stock, product);
CREATE INDEX product_low ON product (store, low, product);
CREATE INDEX product_name ON product (store, name, product);
CREATE INDEX product_position ON product (store, position, product);
CREATE VIRTUAL TABLE product_text USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '2 3');
CREATE TABLE kind (
	id INTEGER PRIMARY KEY,
	log TEXT NOT NULL,
	store TEXT NOT NULL,
	recorded TEXT NOT NULL,
	happened TEXT NOT NULL,
	type TEXT NOT NULL,
	source TEXT NOT NULL,
	actor TEXT NOT NULL,
	n INTEGER NOT NULL,
	UNIQUE (log, store, recorded, happened, type, source, actor)
) STRICT;
CREATE TABLE stretch (
	kind INTEGER NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	n INTEGER NOT NULL,
	positions BLOB NOT NULL,
	PRIMARY KEY (kind, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE letter (
	id INTEGER PRIMARY KEY,
	store TEXT NOT NULL,
	kind TEXT NOT NULL,
	day TEXT NOT NULL,
	state TEXT NOT NULL
) STRICT;
CREATE INDEX letter_store ON letter (store);
CREATE TABLE sheet (
	log TEXT NOT NULL,
	n INTEGER NOT NULL,
	hash BLOB NOT NULL,
	messages BLOB NOT NULL,
	UNIQUE (log, n)
) STRICT;
`
