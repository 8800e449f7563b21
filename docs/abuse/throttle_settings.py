# settings.py
DJWTO_THROTTLE = "shop.throttle.throttle"
