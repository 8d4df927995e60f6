package bundle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"strconv"
	"time"
)

// use is a signature that was made: with which key and digest, and the time by which it is proved to have been there.
type use struct {
	algorithm string
	at        time.Time
}

func (v *verification) uses(signer *x509.Certificate, digest crypto.Hash, at time.Time) {
	v.used = append(v.used, use{keyName(signer.PublicKey), at}, use{digest.String(), at})
}

func keyName(key any) string {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return "RSA " + strconv.Itoa(key.N.BitLen()/1024*1024)
	default:
		return "unknown"
	}
}

// suitable says until when a signature has to be proved to have been there for its algorithm to count. These are decisions of
// this verifier, of the cautious kind: what was stamped before keeps its worth by the time stamp over it. An algorithm that is
// not listed is not suitable.
var suitable = map[string]time.Time{
	"SHA-256":     day(2040),
	"SHA-384":     day(2050),
	"SHA-512":     day(2050),
	"ECDSA P-256": day(2035),
	"ECDSA P-384": day(2040),
	"RSA 2048":    day(2031),
	"RSA 3072":    day(2035),
	"RSA 4096":    day(2035),
}

func day(year int) time.Time { return time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC) }

func (v *verification) checkAlgorithms() {
	if len(v.used) == 0 {
		return
	}
	for _, u := range v.used {
		if until, known := suitable[u.algorithm]; !known || !u.at.Before(until) {
			v.fail(CheckAlgorithms, "", u.algorithm+" was not suitable any more when it was used")
		}
	}
	v.pass(CheckAlgorithms)
}
