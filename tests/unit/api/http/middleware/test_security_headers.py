import pytest

from api.http.middleware.security_headers import SecurityHeaders


@pytest.mark.parametrize("public_url", ["http://covers.example:8000", "http://covers.example:8000/music"])
def test_the_content_security_policy_allows_covers_from_the_public_url(public_url: str) -> None:
    headers = dict(SecurityHeaders(public_url=public_url).of("/app/"))

    # The policy lists the covers' server without a path, because a path without a trailing slash would allow
    # only this exact path.
    assert b" https: http://covers.example:8000; " in headers[b"content-security-policy"]
