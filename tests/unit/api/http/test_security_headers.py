import pytest

from api.http.security_headers import SecurityHeaders


@pytest.mark.parametrize("public_url", ["http://covers.example:8000", "http://covers.example:8000/music"])
def test_the_page_may_show_covers_from_everywhere_below_the_public_address(public_url: str) -> None:
    headers = dict(SecurityHeaders(public_url=public_url).of("/app/"))

    # A path without a slash at its end would let in that path alone.
    assert b" https: http://covers.example:8000; " in headers[b"content-security-policy"]
