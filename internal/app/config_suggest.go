package app

import "strings"

// nearest returns the known name that a mistyped one most probably stands for:
// the same last part in another table, or a few letters off. It returns "" when
// nothing is near.
func nearest(name string, known []string) string {
	table, leaf := splitName(strings.ToLower(name))
	best, bestDistance := "", 2+len(leaf)/4
	for _, candidate := range known {
		candidateTable, candidateLeaf := splitName(strings.ToLower(candidate))
		d := distance(leaf, candidateLeaf)
		if candidateTable != table {
			// A slip in the table's name may come on top, but the right name in
			// a wrong table is a likely mistake as well.
			d += 1 + min(1, distance(table, candidateTable)/2)
		}
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

func splitName(name string) (table, leaf string) {
	dot := strings.LastIndexByte(name, '.')
	return name[:max(dot, 0)], name[dot+1:]
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
