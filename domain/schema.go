package domain

import (
	"embed"
	"io/fs"
)

// schemaFiles are written from the same field lists that the decoder reads by,
// and a test compares both: see TestSchemas_MatchTheFields.
//
//go:embed schema/*.json
var schemaFiles embed.FS

// Schema returns the JSON Schema (2020-12) of the data of a type, or false for a
// type that this program does not know. A document is valid under it exactly when
// [DecodeEvent] takes it, but for whole numbers written with an exponent, which
// no schema can tell from others and which are refused.
func Schema(t Type) ([]byte, bool) {
	b, err := fs.ReadFile(schemaFiles, "schema/"+string(t)+".json")
	return b, err == nil
}

// SchemaFiles returns all schemas as files, each named by its type with ".json"
// behind.
func SchemaFiles() fs.FS {
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		panic(err) // only for a path that is not valid
	}
	return files
}
