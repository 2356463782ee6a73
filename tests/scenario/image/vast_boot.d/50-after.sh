# shellcheck shell=bash
picture >/run/after
