package option

import "strings"

// maxKey bounds what Nearest compares: the cost is quadratic, the text hostile.
const maxKey = 64

// Nearest returns the candidate that word is most likely a misspelling of, or ""
// when none is close: at most one edit in three characters.
func Nearest(word string, candidates []string) string {
	word = fold(word)
	if word == "" || len(word) > maxKey {
		return ""
	}
	best, bestDistance := "", len(word)/3+1
	for _, c := range candidates {
		if len(c) > maxKey {
			continue
		}
		if d := distance(word, fold(c)); d < bestDistance || d == 0 {
			best, bestDistance = c, d
		}
	}
	return best
}

// fold makes key-password of Key_Password.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "_", "-")
}

// distance is the Damerau-Levenshtein distance with adjacent transpositions: how
// many characters to add, drop, change or swap.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
