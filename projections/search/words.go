package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// What one word and one question may have. A longer word is cut, in the index and in
// the question alike.
const (
	mostOfWord  = 64  // runes
	MostPhrases = 16  // of a question
	MostText    = 400 // runes of a question
)

// barrier stands between the words of two fields, so that no phrase spans both. It is
// no letter, so no text can bring it in.
const barrier = "·"

// spelled are the scripts that put no space between words.
var spelled = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// words are the words of a text in their order.
func words(text string) []string {
	// What is no UTF-8 would be folded one way or another, by how much stands before it.
	plain := cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(text, " ")))
	var out []string
	var word strings.Builder
	n := 0
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
			n = 0
		}
	}
	for _, r := range plain {
		switch {
		case unicode.Is(unicode.M, r):
		case r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsNumber(r):
			end()
		case unicode.In(r, spelled...):
			end()
			out = append(out, string(r))
		default:
			if n++; n <= mostOfWord {
				word.WriteRune(r)
			}
		}
	}
	end()
	return out
}

// plain is a text as its words alone make it, for comparing whole texts.
func plain(text string) string { return strings.Join(words(text), " ") }

// Text is what somebody looks for: phrases of which each must be found. The zero Text
// finds everything.
type Text struct{ phrases []string }

// ParseText reads what somebody has typed. Between spaces stands a phrase, whose words
// must follow each other in one field, the last of them by its beginning: CK-12 finds
// CK-121. It refuses a text without a letter or digit, and one of more than
// [MostPhrases] phrases or [MostText] characters.
func ParseText(text string) (Text, error) {
	if n := utf8.RuneCountInString(text); n > MostText {
		return Text{}, fmt.Errorf("must have at most %d characters, not %d", MostText, n)
	}
	var out Text
	for _, field := range strings.Fields(text) {
		if phrase := plain(field); phrase != "" {
			out.phrases = append(out.phrases, phrase)
		}
	}
	switch n := len(out.phrases); {
	case n == 0:
		return out, fmt.Errorf("must have a letter or a digit")
	case n > MostPhrases:
		return out, fmt.Errorf("must have at most %d words, not %d", MostPhrases, n)
	}
	return out, nil
}

// Phrases are the words that must follow each other, by single spaces, each phrase by
// itself; letters, digits and these spaces are all that they hold.
func (t Text) Phrases() []string { return t.phrases }

// in reports whether all of t is found in the words of a row.
func (t Text) in(words string) bool {
	for _, phrase := range t.phrases {
		if !strings.HasPrefix(words, phrase) && !strings.Contains(words, " "+phrase) {
			return false
		}
	}
	return true
}
