"""Starts the accounts service."""

from libs.runtime.run import run
from services.accounts.app import build
from services.accounts.settings import AccountsSettings

if __name__ == "__main__":
    run("accounts", build, AccountsSettings)
