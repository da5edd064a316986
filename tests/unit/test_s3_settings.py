import pytest

from shared.errors import SettingError
from shared.s3_store import S3Store
from shared.settings import StoreSettings


@pytest.mark.parametrize("url", ["localhost:8333", "ftp://store", "http://", "http://store/bucket"])
def test_an_address_that_is_none_is_named(url: str):
    with pytest.raises(SettingError, match="ECHOBASE_STORE_URL") as refused:
        S3Store(StoreSettings(store_url=url))
    assert url in str(refused.value)
