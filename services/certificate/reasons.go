package certificate

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

const domain = "certificate"

func documentNotFound() error {
	return fault.New(fault.NotFound, domain, certificatev1.Reason_REASON_DOCUMENT_NOT_FOUND, "there is no such document")
}

// lookupUnavailable: it is not known now whether the document exists, or whether the hub has it. The other unit's words stay in
// the log.
func lookupUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, nil, "the document cannot be looked up now", fault.WithRetryAfter(time.Second), fault.Wrap(cause))
}

func notRegisteredYet() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_NOT_REGISTERED_YET,
		"the circulation of the document is not registered yet")
}

// documentEnded, hasNoCirculation and registrationWasGivenUp are final.
func documentEnded() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_DOCUMENT_ENDED,
		"the document ended before it was received: there will be no certificate")
}

func hasNoCirculation() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_WITHOUT_CIRCULATION,
		"the document was sent without circulation: there will be no certificate")
}

func registrationWasGivenUp() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_REGISTRATION_GIVEN_UP,
		"the hub does not take the document's circulation record, and an operator gave it up: there will be no certificate")
}

func monthNotBegun() error {
	return fault.New(fault.Invalid, domain, certificatev1.Reason_REASON_INVALID_REQUEST, "",
		fault.WithViolations(fault.Violation{Field: "period", Rule: "period.future", Message: "the month has not begun in Korea"}))
}

func withoutAddress() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_WITHOUT_ADDRESS, "the caller has no certified address")
}

// addressUnavailable: it is not known now which address the caller has. The other unit's words stay in the log.
func addressUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, nil, "the address cannot be looked up now", fault.WithRetryAfter(time.Second), fault.Wrap(cause))
}

// becauseNoFigures is the reason of figures that the hub does not have.
func becauseNoFigures() string { return fault.NameOf(certificatev1.Reason_REASON_NO_FIGURES) }

func requestIDReused() error {
	return fault.New(fault.Reused, domain, certificatev1.Reason_REASON_REQUEST_ID_REUSED, "the request id was used for another request")
}

func certificateNotFound() error {
	return fault.New(fault.NotFound, domain, certificatev1.Reason_REASON_CERTIFICATE_NOT_FOUND, "there is no such certificate")
}

func notIssued() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_NOT_ISSUED, "the certificate is not issued")
}

func notDepositedHere() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_NOT_DEPOSITED_HERE,
		"the document's sender registered it at the archive itself: whoever needs a bundle assembles it with the archive's original certificate")
}

func bundlesNotOffered() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_BUNDLES_NOT_OFFERED,
		"this relay assembles no bundles: it has no certificate to sign them with, or no time-stamping authority")
}

func bundleNotFound() error {
	return fault.New(fault.NotFound, domain, certificatev1.Reason_REASON_BUNDLE_NOT_FOUND, "there is no such bundle")
}

func bundleNotIssued() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_BUNDLE_NOT_ISSUED, "the bundle is not issued")
}

func offsetBeyondEnd() error {
	return fault.New(fault.Invalid, domain, certificatev1.Reason_REASON_INVALID_REQUEST, "the offset is beyond the end of the bundle",
		fault.WithViolations(fault.Violation{Field: "offset", Rule: "offset.beyond", Message: "must be at most the size of the bundle"}))
}

// documentUnavailable: neither this relay nor the archive gives the document's bytes now.
func documentUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, certificatev1.Reason_REASON_DOCUMENT_UNAVAILABLE, "the document cannot be read now",
		fault.WithRetryAfter(time.Second), fault.Wrap(cause))
}

func becauseArchiveRefused() string { return fault.NameOf(certificatev1.Reason_REASON_ARCHIVE_REFUSED) }

func verificationNotOffered() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_VERIFICATION_NOT_OFFERED, "this relay verifies nothing for others; naru verify does")
}

func kindNotOffered() error {
	return fault.New(fault.Conflict, domain, certificatev1.Reason_REASON_KIND_NOT_OFFERED, "this relay trusts nobody who signs files of this kind; naru verify takes them")
}

func fileTooLarge(most int64) error {
	return fault.New(fault.Invalid, domain, certificatev1.Reason_REASON_FILE_TOO_LARGE,
		fmt.Sprintf("the file has more than the %d bytes that are verified here; naru verify takes any", most))
}

// signedReportUnavailable: this relay has no key to sign with, or no authority gives a time stamp now; cause may be nil.
func signedReportUnavailable(cause error) error {
	opts := []fault.Option{fault.WithRetryAfter(time.Second)}
	if cause != nil {
		opts = append(opts, fault.Wrap(cause))
	}
	return fault.New(fault.Unavailable, domain, certificatev1.Reason_REASON_SIGNED_REPORT_UNAVAILABLE, "no signed report can be made now", opts...)
}

func tooManyVerifications() error {
	return fault.New(fault.Exhausted, domain, nil, "as many files as may be are verified now", fault.WithRetryAfter(time.Second))
}

// becauseCheckFailed and becauseHubRefused are not errors; they are stored and shown as the reason why a certificate failed.
func becauseCheckFailed() string { return fault.NameOf(certificatev1.Reason_REASON_CHECK_FAILED) }

func becauseHubRefused() string { return fault.NameOf(certificatev1.Reason_REASON_HUB_REFUSED) }

// otherFile is the fault of a stored certificate file that is not the file that was verified.
func otherFile(certificate uuid.UUID) error {
	return fault.New(fault.Corrupt, domain, nil, "", fault.Wrap(fmt.Errorf("file of certificate %s has another digest", certificate)))
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, certificatev1.Reason_REASON_PAGE_TOKEN_INVALID, "the page token is not one of this list")
}
