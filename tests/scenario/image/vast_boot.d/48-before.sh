# shellcheck shell=bash
picture >/run/before
