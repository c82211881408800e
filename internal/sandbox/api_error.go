package sandbox

import (
	"net/http"

	"alta/pipeline"
)

// The documented errors of the mint call, with their texts to the letter.

// KeyMissing answers a call without an API key.
func KeyMissing() APIAnswer { return unauthorized("API Key is missing") }

// KeyFormat answers a call whose API key is not formed like one.
func KeyFormat() APIAnswer { return unauthorized("Invalid API Key format") }

// KeyInvalid answers a call with a wrong API key.
func KeyInvalid() APIAnswer { return unauthorized("Invalid API Key") }

// PartnerRequired answers a key that belongs to no partner.
func PartnerRequired() APIAnswer {
	return unauthorized("Partner information is required for this operation")
}

// NotAssociated answers for a user of another partner.
func NotAssociated() APIAnswer { return unauthorized("User is not associated with the partner") }

// PartnerFlow answers a partner that is set up wrongly.
func PartnerFlow() APIAnswer {
	return failure(http.StatusForbidden, "INVALID_PARTNER_FLOW", "The partner has an invalid flow.")
}

// InvalidInput answers a body that is not as it should be.
func InvalidInput() APIAnswer {
	return failure(http.StatusBadRequest, "INVALID_USER_INPUT_ERROR", "Invalid User Input")
}

// WrongType answers for a user of the type that asked for the other one's
// verification.
func WrongType(t pipeline.UserType) APIAnswer {
	kind := "KYC"
	if t == pipeline.Business {
		kind = "KYB"
	}
	return failure(http.StatusBadRequest, "INVALID_VERIFICATION_TYPE_FOR_USER",
		string(t)+" users can only request "+kind+" verification")
}

// NoTemplate answers for a country that the partner is not set up for.
func NoTemplate(c pipeline.Country) APIAnswer {
	return failure(http.StatusBadRequest, "KYC_TEMPLATE_NOT_CONFIGURED_ERROR", "KYC template not configured for "+string(c))
}

// NotFound answers for an unknown user.
func NotFound() APIAnswer {
	return failure(http.StatusNotFound, "NOT_FOUND_ERROR", "Requested User was not found")
}

// ServerError answers when the provider behind the API fails.
func ServerError() APIAnswer {
	return failure(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "Failed to create verification link")
}

func unauthorized(message string) APIAnswer {
	return failure(http.StatusUnauthorized, "UNAUTHORIZED", message)
}

func failure(status int, code, message string) APIAnswer {
	return APIAnswer{Status: status, Code: code, Message: message}
}
