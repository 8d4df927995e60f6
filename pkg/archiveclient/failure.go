package archiveclient

import (
	"errors"
	"net"
	"net/http"

	"github.com/naru-relay/naru/pkg/rest"
)

// Failure is what a failed call means for the caller.
type Failure int

// The failures.
const (
	// Unknown: there was no answer, or none that can be believed. A registration may have taken effect.
	Unknown Failure = iota
	// NotReached: nothing reached the archive.
	NotReached
	// Unavailable: the archive answered that it does not take the call now, or is not reached where it should be.
	Unavailable
	// Unauthorised: member id or password are refused, also after a fresh log-in.
	Unauthorised
	// Refused: the archive will never take what was submitted.
	Refused
)

// String is the failure's name in metrics.
func (f Failure) String() string {
	return [...]string{"unknown", "not_reached", "unavailable", "unauthorised", "refused"}[f]
}

// FailureOf judges the error of a call. Of the 4xx answers only those about what was submitted are final: 404 or 405 come of a
// wrong address in the settings, and must not end every document.
func FailureOf(err error) Failure {
	var problem *rest.Problem
	if !errors.As(err, &problem) {
		var dialled *net.OpError
		if errors.As(err, &dialled) && dialled.Op == "dial" {
			return NotReached
		}
		return Unknown
	}
	if problem.Path == logInPath && problem.Status/100 == 4 {
		return Unauthorised // whatever is wrong with it, it is not the document
	}
	switch problem.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return Unauthorised
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity, http.StatusUnavailableForLegalReasons:
		return Refused
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return Unknown
	default:
		return Unavailable
	}
}
