package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SignOptions are the choices of SignWith.
type SignOptions struct {
	// Kind is what the message is.
	Kind Kind
	// Detached leaves the content out of the result.
	Detached bool
	// At is the signing time, kept with second precision; required unless OmitSigningTime.
	At time.Time
	// OmitSigningTime leaves the signingTime attribute out: PAdES (ETSI EN 319 142-1) forbids it, since the time stands in the
	// signature dictionary.
	OmitSigningTime bool
	// OmitCertificates leaves the certificates out of the result: a time stamp whose request did not ask for them has none
	// (RFC 3161 section 2.4.1).
	OmitCertificates bool
	// TimeStamp gets the signature's value and returns a time stamp token (RFC 3161) over its SHA-256, which is added as an
	// unsigned attribute (CAdES-T, EN 319 122-1 section 5.3). Nil: none. Its error ends the signing.
	TimeStamp func(signature []byte) (token []byte, err error)
}

// Sign returns DER SignedData over content: SHA-256, one signer, the signed attributes contentType, messageDigest, signingTime
// (at) and signingCertificateV2. chain[0] is the signer's certificate and must hold signer's public key; all of chain is carried.
// The signer is a P-256, P-384 or RSA (2,048-4,096) key.
func Sign(content []byte, detached bool, signer crypto.Signer, chain []*x509.Certificate, at time.Time) ([]byte, error) {
	return SignWith(content, signer, chain, SignOptions{Detached: detached, At: at})
}

// SignWith is Sign with all its choices.
func SignWith(content []byte, signer crypto.Signer, chain []*x509.Certificate, opts SignOptions) ([]byte, error) {
	algorithm, err := signerAlgorithm(signer, chain)
	if err != nil {
		return nil, fmt.Errorf("sign cms: %w", err)
	}
	if opts.At.IsZero() && !opts.OmitSigningTime {
		return nil, errors.New("sign cms: no signing time")
	}
	attributes, err := signedAttributes(content, chain[0], opts)
	if err != nil {
		return nil, fmt.Errorf("sign cms: %w", err)
	}
	toSign, err := setOf(cbasn1.SET, attributes)
	if err != nil {
		return nil, fmt.Errorf("sign cms: attributes: %w", err)
	}
	digest := sha256.Sum256(toSign)
	signature, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign cms: %w", err)
	}
	var token []byte
	if opts.TimeStamp != nil {
		if token, err = opts.TimeStamp(signature); err != nil {
			return nil, fmt.Errorf("sign cms: %w", err)
		}
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			addSignedData(b, content, chain, opts, signed{attributes: attributes, algorithm: algorithm, signature: signature, token: token})
		})
	})
	return b.Bytes()
}

// signed is what the signer made: the signature over the attributes, and a time stamp over the signature, if there is one.
type signed struct {
	attributes       [][]byte
	algorithm        asn1.ObjectIdentifier
	signature, token []byte
}

// signerAlgorithm checks key and certificate and names the signature algorithm written into the SignerInfo.
func signerAlgorithm(signer crypto.Signer, chain []*x509.Certificate) (asn1.ObjectIdentifier, error) {
	if signer == nil || len(chain) == 0 {
		return nil, errors.New("no signer or no certificate")
	}
	if len(chain) > maxCertificates {
		return nil, fmt.Errorf("more than %d certificates", maxCertificates)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return nil, errors.New("the certificate is not the signer's")
	}
	if err := acceptKey(chain[0].PublicKey); err != nil {
		return nil, err
	}
	if _, ok := chain[0].PublicKey.(*rsa.PublicKey); ok {
		return oidSHA256WithRSA, nil
	}
	return oidECDSAWithSHA256, nil
}

// acceptKey says whether a public key is of an accepted kind and size.
func acceptKey(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return errors.New("curve is not accepted")
		}
		return nil
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return errors.New("size of the RSA key is not accepted")
		}
		return nil
	default:
		return errors.New("kind of key is not accepted")
	}
}

// signedAttributes encodes each attribute by itself; the caller sorts them into a DER SET OF.
func signedAttributes(content []byte, leaf *x509.Certificate, opts SignOptions) ([][]byte, error) {
	digest, fingerprint := sha256.Sum256(content), sha256.Sum256(leaf.Raw)
	values := []struct {
		oid asn1.ObjectIdentifier
		add func(*cryptobyte.Builder)
	}{
		{oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(opts.Kind.rules().contentType) }},
		{oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest[:]) }},
		{oidSigningTime, func(b *cryptobyte.Builder) { addTime(b, opts.At) }},
		{oidSigningCertificateV2, func(b *cryptobyte.Builder) { addSigningCertificate(b, fingerprint[:]) }},
	}
	var attributes [][]byte
	for _, value := range values {
		if opts.OmitSigningTime && value.oid.Equal(oidSigningTime) {
			continue
		}
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(value.oid)
			b.AddASN1(cbasn1.SET, value.add)
		})
		encoded, err := b.Bytes()
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", value.oid, err)
		}
		attributes = append(attributes, encoded)
	}
	return attributes, nil
}

// addSigningCertificate writes RFC 5035 SigningCertificateV2 with one ESSCertIDv2; SHA-256 is its DEFAULT and therefore absent in
// DER.
func addSigningCertificate(b *cryptobyte.Builder, fingerprint []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(fingerprint)
			})
		})
	})
}

// addTime writes UTCTime to 2049 and GeneralizedTime from 2050 on (RFC 5652 section 11.3).
func addTime(b *cryptobyte.Builder, at time.Time) {
	at = at.UTC().Truncate(time.Second)
	if at.Year() >= 1950 && at.Year() < 2050 {
		b.AddASN1UTCTime(at)
		return
	}
	b.AddASN1GeneralizedTime(at)
}

func addSignedData(b *cryptobyte.Builder, content []byte, chain []*x509.Certificate, opts SignOptions, made signed) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		version := int64(1)
		if opts.Kind != Document {
			version = 3 // RFC 5652 section 5.1
		}
		b.AddASN1Int64(version)
		b.AddASN1(cbasn1.SET, addDigestAlgorithm)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(opts.Kind.rules().contentType)
			if !opts.Detached {
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
			}
		})
		if !opts.OmitCertificates {
			certificates := make([][]byte, 0, len(chain))
			for _, certificate := range chain {
				certificates = append(certificates, certificate.Raw)
			}
			addSetOf(b, explicit(0), certificates)
		}
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addSignerInfo(b, chain[0], made)
			})
		})
	})
}

func addSignerInfo(b *cryptobyte.Builder, leaf *x509.Certificate, made signed) {
	b.AddASN1Int64(1)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(leaf.RawIssuer)
		b.AddASN1BigInt(leaf.SerialNumber)
	})
	addDigestAlgorithm(b)
	addSetOf(b, explicit(0), made.attributes)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(made.algorithm)
		if made.algorithm.Equal(oidSHA256WithRSA) {
			b.AddASN1NULL()
		}
	})
	b.AddASN1OctetString(made.signature)
	if made.token == nil {
		return
	}
	b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSignatureTimeStamp)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(made.token) })
		})
	})
}

// addDigestAlgorithm writes SHA-256 with absent parameters (RFC 5754 section 2).
func addDigestAlgorithm(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidSHA256) })
}

// explicit is the constructed context-specific tag n, also used for IMPLICIT SET OF.
func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

func addSetOf(b *cryptobyte.Builder, tag cbasn1.Tag, elements [][]byte) {
	sorted := slices.Clone(elements)
	slices.SortFunc(sorted, bytes.Compare)
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, element := range sorted {
			b.AddBytes(element)
		}
	})
}

func setOf(tag cbasn1.Tag, elements [][]byte) ([]byte, error) {
	var b cryptobyte.Builder
	addSetOf(&b, tag, elements)
	return b.Bytes()
}
