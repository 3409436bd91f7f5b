package main

import "strings"

// variables lists every environment variable that is a setting.
func variables() []string {
	out := []string{envPrefix + "CONFIG"}
	for _, s := range append(settings(), storeSettings()...) {
		out = append(out, envPrefix+s.env)
	}
	return out
}

func keys(list []setting) []string {
	var out []string
	for _, s := range list {
		out = append(out, s.key)
	}
	return out
}

// didYouMean is the end of a sentence about an unknown name: the known one that
// is nearest, if one is near. What all variables begin with does not count.
func didYouMean(name string, known []string) string {
	name = strings.TrimPrefix(name, envPrefix)
	best, least := "", max(min(len(name), 3), len(name)/3+1) // two letters that changed places are a distance of 2
	for _, k := range known {
		if d := distance(name, strings.TrimPrefix(k, envPrefix)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is Levenshtein's: how many letters must be changed, added or left out.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
