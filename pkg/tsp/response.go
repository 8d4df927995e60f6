package tsp

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxResponseBytes bounds an answer: a token with its certificates.
const maxResponseBytes = 64 << 10

// The statuses of PKIStatus that are used here (RFC 3161 section 2.4.2).
const (
	granted         = 0
	grantedWithMods = 1
	rejection       = 2
)

// FailureInfo is why an authority gave no time stamp: the bit of PKIFailureInfo.
type FailureInfo int

// The failures of RFC 3161 section 2.4.2.
const (
	NoFailure           FailureInfo = -1
	BadAlgorithm        FailureInfo = 0
	BadRequest          FailureInfo = 2
	BadDataFormat       FailureInfo = 5
	TimeNotAvailable    FailureInfo = 14
	UnacceptedPolicy    FailureInfo = 15
	UnacceptedExtension FailureInfo = 16
	SystemFailure       FailureInfo = 25
)

// String is the standard's name.
func (f FailureInfo) String() string {
	for info, name := range map[FailureInfo]string{
		BadAlgorithm: "badAlg", BadRequest: "badRequest", BadDataFormat: "badDataFormat", TimeNotAvailable: "timeNotAvailable",
		UnacceptedPolicy: "unacceptedPolicy", UnacceptedExtension: "unacceptedExtension", SystemFailure: "systemFailure",
	} {
		if info == f {
			return name
		}
	}
	return "no reason told"
}

// Grant writes the TimeStampResp that holds a token.
func Grant(token []byte) ([]byte, error) {
	return response(granted, NoFailure, token)
}

// Reject writes the TimeStampResp that holds none.
func Reject(why FailureInfo) ([]byte, error) {
	return response(rejection, why, nil)
}

func response(status int64, why FailureInfo, token []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(status)
			if why != NoFailure {
				b.AddASN1(cbasn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddBytes(why.bitString()) })
			}
		})
		b.AddBytes(token)
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode time stamp response: %w", err)
	}
	return der, nil
}

// bitString has the one bit set; DER leaves out the zeros behind it.
func (f FailureInfo) bitString() []byte {
	octets := make([]byte, f/8+2)
	octets[0] = byte(7 - f%8)
	octets[f/8+1] = 0x80 >> (f % 8)
	return octets
}

// RejectedError is an authority's answer without a time stamp.
type RejectedError struct{ Why FailureInfo }

// Error names the reason; texts of the authority are not repeated.
func (e *RejectedError) Error() string { return "the authority gave no time stamp: " + e.Why.String() }

var errResponse = errors.New("not a time stamp response")

// ParseResponse gives the token of a response, which is not judged. The error of an answer without one is a *RejectedError.
func ParseResponse(der []byte) ([]byte, error) {
	input := cryptobyte.String(der)
	var body, info cryptobyte.String
	var status int64
	if len(der) > maxResponseBytes || !input.ReadASN1(&body, cbasn1.SEQUENCE) || !input.Empty() ||
		!body.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1Integer(&status) || !info.SkipOptionalASN1(cbasn1.SEQUENCE) {
		return nil, errResponse
	}
	why := NoFailure
	if info.PeekASN1Tag(cbasn1.BIT_STRING) {
		var octets cryptobyte.String
		if !info.ReadASN1(&octets, cbasn1.BIT_STRING) || len(octets) < 1 || len(octets) > 9 {
			return nil, errResponse
		}
		why = firstBit(octets[1:])
	}
	if !info.Empty() {
		return nil, errResponse
	}
	if status != granted && status != grantedWithMods {
		return nil, &RejectedError{Why: why}
	}
	var token cryptobyte.String
	if !body.ReadASN1Element(&token, cbasn1.SEQUENCE) || !body.Empty() {
		return nil, errResponse
	}
	return token, nil
}

func firstBit(octets []byte) FailureInfo {
	for i, octet := range octets {
		if octet != 0 {
			return FailureInfo(8*i + bits.LeadingZeros8(octet))
		}
	}
	return NoFailure
}
