"""The texts of Entra's errors, by their AADSTS numbers; `{…}` are details of the request."""

from collections.abc import Mapping
from typing import NamedTuple


class Text(NamedTuple):
    """An OAuth error, the HTTP status that it comes with, and what Entra says."""

    error: str
    status: int
    text: str


TEXTS: Mapping[int, Text] = {
    28003: Text(
        "invalid_scope",
        400,
        (
            "Provided value for the input parameter scope cannot be empty or name more than "
            "one resource when requesting an access token."
        ),
    ),
    50011: Text(
        "invalid_request",
        400,
        (
            "The redirect URI '{redirect_uri}' specified in the request does not match the "
            "redirect URIs configured for the application '{client_id}'. Make sure the "
            "redirect URI sent in the request matches one added to your application in the "
            "Azure portal."
        ),
    ),
    50034: Text(
        "invalid_grant",
        400,
        "The user account does not exist in the directory.",
    ),
    50057: Text(
        "invalid_grant",
        400,
        "The user account is disabled.",
    ),
    50058: Text(
        "login_required",
        400,
        "A silent sign-in request was sent but no user is signed in.",
    ),
    50059: Text(
        "invalid_request",
        400,
        (
            "No tenant-identifying information found in either the request or implied by any "
            "provided credentials."
        ),
    ),
    50126: Text(
        "invalid_grant",
        400,
        "Error validating credentials due to invalid username or password.",
    ),
    50173: Text(
        "invalid_grant",
        400,
        (
            "The provided grant has expired due to it being revoked, a fresh auth token is "
            "needed. The user might have changed or reset their password."
        ),
    ),
    54005: Text(
        "invalid_grant",
        400,
        (
            "OAuth2 Authorization code was already redeemed, please retry with a new valid "
            "code or use an existing refresh token."
        ),
    ),
    65001: Text(
        "invalid_grant",
        400,
        (
            "The user or administrator has not consented to use the application with ID "
            "'{client_id}' named 'Salesorder'. Send an interactive authorization request for "
            "this user and resource."
        ),
    ),
    65004: Text(
        "access_denied",
        400,
        "User declined to consent to access the app.",
    ),
    70000: Text(
        "invalid_grant",
        400,
        "The provided value for the input parameter is not valid.",
    ),
    70003: Text(
        "unsupported_grant_type",
        400,
        "The app requested an unsupported grant type.",
    ),
    70008: Text(
        "invalid_grant",
        400,
        "The provided authorization code or refresh token has expired.",
    ),
    70011: Text(
        "invalid_scope",
        400,
        "The provided value for the input parameter 'scope' is not valid.",
    ),
    70016: Text(
        "authorization_pending",
        400,
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: Text(
        "bad_verification_code",
        400,
        "Invalid verification code due to user typing in wrong user code.",
    ),
    70020: Text(
        "expired_token",
        400,
        "The provided value for the input parameter 'device_code' has expired.",
    ),
    90002: Text(
        "invalid_request",
        400,
        (
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID "
            "and are signing into the correct cloud."
        ),
    ),
    90014: Text(
        "invalid_request",
        400,
        "The required field '{field}' is missing from the credential.",
    ),
    90055: Text(
        "temporarily_unavailable",
        429,
        "Tenant throttled: too many requests. Try again later.",
    ),
    90094: Text(
        "access_denied",
        400,
        (
            "An administrator of Contoso has set a policy that prevents you from granting "
            "Salesorder the permissions it is requesting."
        ),
    ),
    500112: Text(
        "invalid_client",
        401,
        (
            "The reply address '{redirect_uri}' does not match the reply address provided "
            "when requesting the authorization code."
        ),
    ),
    501481: Text(
        "invalid_grant",
        400,
        (
            "The Code_Verifier does not match the code_challenge supplied in the "
            "authorization request."
        ),
    ),
    501491: Text(
        "invalid_request",
        400,
        "Invalid code_challenge_method '{method}'. Use 'plain' or 'S256'.",
    ),
    700016: Text(
        "unauthorized_client",
        400,
        ("Application with identifier '{client_id}' was not found in the directory 'Contoso'."),
    ),
    700024: Text(
        "invalid_client",
        401,
        "Client assertion is not within its valid time range.",
    ),
    700025: Text(
        "invalid_client",
        401,
        ("Client is public so neither 'client_assertion' nor 'client_secret' should be presented."),
    ),
    700027: Text(
        "invalid_client",
        401,
        (
            "The certificate with identifier used to sign the client assertion is not "
            "registered on application, or the signature is not valid."
        ),
    ),
    700082: Text(
        "invalid_grant",
        400,
        "The refresh token has expired due to inactivity.",
    ),
    900144: Text(
        "invalid_request",
        400,
        "The request body must contain the following parameter: '{field}'.",
    ),
    900971: Text(
        "invalid_request",
        400,
        "No reply address provided.",
    ),
    1002012: Text(
        "invalid_scope",
        400,
        (
            "The provided value for scope is not valid. Client credential flows must have a "
            "scope value with /.default suffixed to the resource identifier."
        ),
    ),
    7000215: Text(
        "invalid_client",
        401,
        (
            "Invalid client secret provided. Ensure the secret being sent in the request is "
            "the client secret value, not the client secret ID, for a secret added to app "
            "'{client_id}'."
        ),
    ),
    7000218: Text(
        "invalid_client",
        401,
        (
            "The request body must contain the following parameter: 'client_assertion' or "
            "'client_secret'."
        ),
    ),
    7000222: Text(
        "invalid_client",
        401,
        (
            "The provided client secret keys for app '{client_id}' are expired. Visit the "
            "Azure portal to create new keys for your app."
        ),
    ),
    9002325: Text(
        "invalid_request",
        400,
        "Proof Key for Code Exchange is required for authorization code redemption.",
    ),
}
