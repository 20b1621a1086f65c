"""Proxy discovery by WPAD: which PAC script does a caller get, by the nearest caches or by the rules of WLCG (reference section 10.1)?"""
