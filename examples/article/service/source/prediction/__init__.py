"""How many loaves will a bakery sell?"""
