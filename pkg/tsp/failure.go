package tsp

import (
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Check names one thing that is verified of a token.
type Check = proof.Check

// The checks, in the order in which they are made.
var (
	// ErrForm: not a token of the accepted form, or an algorithm that is not accepted.
	ErrForm = Check{Of: "time stamp", Name: "form"}
	// ErrSignature: it was changed, or the signature is not the signer's.
	ErrSignature = Check{Of: "time stamp", Name: "signature"}
	// ErrChain: its signer does not lead to a pinned root, is not meant for time stamps, or was revoked or distrusted before.
	ErrChain = Check{Of: "time stamp", Name: "chain"}
	// ErrValidity: its time is not within the life of its signer, or its signer was not valid at the time of the judgement.
	ErrValidity = Check{Of: "time stamp", Name: "validity"}
	// ErrPolicy: it was issued under another policy.
	ErrPolicy = Check{Of: "time stamp", Name: "policy"}
	// ErrImprint: it is over something else.
	ErrImprint = Check{Of: "time stamp", Name: "imprint"}
)

// Checks lists them in their order.
func Checks() []Check {
	return []Check{ErrForm, ErrSignature, ErrChain, ErrValidity, ErrPolicy, ErrImprint}
}

// FailedChecks lists which checks err reports as failed.
func FailedChecks(err error) []Check { return proof.Failed(err, Checks()...) }

// Failure is one failed check.
type Failure = proof.Failure

var envelope = map[cms.Check]Failure{
	cms.Format:     {Check: ErrForm, Detail: "not the accepted form of SignedData"},
	cms.Digest:     {Check: ErrSignature, Detail: "its content was changed"},
	cms.Signature:  {Check: ErrSignature, Detail: "signature is not the signer's"},
	cms.Chain:      {Check: ErrChain, Detail: "signer is not under a pinned root"},
	cms.Usage:      {Check: ErrChain, Detail: "signer is not meant for time stamps"},
	cms.Revocation: {Check: ErrChain, Detail: "signer was revoked or is distrusted"},
	cms.Validity:   {Check: ErrValidity, Detail: "signer is not valid at that time"},
}

func malformed(detail string, cause error) *Failure {
	return &Failure{Check: ErrForm, Detail: detail, Cause: cause}
}
