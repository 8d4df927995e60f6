package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the key by which names are found. People write one name in many ways, so it leaves out what they differ in: the case of
// Latin letters, full and half width, accents typed as one character or two, spaces, and every hyphen and apostrophe. O'Neil,
// O’NEIL and ＯＮＥＩＬ are one key, and so are Min-su and Min su. A key serves for comparing alone and is never shown or sent
// anywhere.
func Fold(name string) string {
	folded := cases.Fold().String(norm.NFKC.String(name))
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cc, unicode.Cf) || strings.ContainsRune(joiners, r) || blank(r) {
			return -1
		}
		return r
	}, folded))
}

// joiners are written inside names in place of one another: apostrophes, and what keyboards give instead; the minus sign and the
// middle dots between foreign names.
const joiners = "'`´‘’‛ʹʻʼʽˈ′＇−·・･ㆍ"
